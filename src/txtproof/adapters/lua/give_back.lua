-- GIVE BACK: say that a call is over, and what it said of its credential.
--
-- KEYS[1]  how far the lines have come (hash)    KEYS[2]  the credential's calls in flight    KEYS[3]  the outbox stream
-- KEYS[4]  what this worker holds
-- ARGV[1]  prefix of keys    ARGV[2]  credential    ARGV[3]  id of the call    ARGV[4]  'taken', 'refused', 'later', 'unknown'
-- ARGV[5]  ms until the next call may be made ('refused', 'later')    ARGV[6]  event that tells of the change
-- ARGV[7]  how long the call might take, ms: as when its turn was taken
-- Reply: 1 where the credential was refused for the first time, or is taken again: then the event is in the outbox.
local closed, pause, lasts = ARGV[2] .. ' closed', ARGV[2] .. ' pause', ARGV[2] .. ' lasts'
local ends = redis.call('ZSCORE', KEYS[2], ARGV[3])
if ends then
  -- us that calls take, the latest counting most: the line moves by it
  local known, took = tonumber(redis.call('HGET', KEYS[1], lasts) or 0), (now - ends + ARGV[7]) * 1000
  redis.call('HSET', KEYS[1], lasts, string.format('%.0f', known + (took - known) / 16))
end
redis.call('ZREM', KEYS[2], ARGV[3])
redis.call('HDEL', KEYS[4], 'call ' .. ARGV[3])
local changed = false
if ARGV[4] == 'refused' then
  changed = redis.call('HSET', KEYS[1], closed, string.format('%.0f', microseconds + ARGV[5] * 1000)) == 1
elseif ARGV[4] == 'taken' then
  changed = redis.call('HDEL', KEYS[1], closed) == 1
elseif ARGV[4] == 'later' then
  local opens = tonumber(redis.call('HGET', KEYS[1], pause) or 0)
  redis.call('HSET', KEYS[1], pause, string.format('%.0f', math.max(opens, microseconds + ARGV[5] * 1000)))
end
if changed then redis.call('XADD', KEYS[3], '*', 'event', ARGV[6]) end
return changed and 1 or 0
