-- CHORE: take a chore that nobody has taken lately.
--
-- KEYS[1]  when it was taken last, in ms    ARGV[1]  prefix of keys    ARGV[2]  how long ago that must be, ms
-- ARGV[3]  how long it is remembered, ms
-- Reply: 1 where the chore is the caller's. Sent twice, the second says 0, and the chore waits for its next time.
local last = tonumber(redis.call('GET', KEYS[1]) or 0)
if now - last < tonumber(ARGV[2]) then return 0 end
redis.call('SET', KEYS[1], string.format('%.0f', now), 'PX', ARGV[3])
return 1
