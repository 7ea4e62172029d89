-- AUDIT: put back the rows of a slice that have a lane and are not in it, unless they are parked.
--
-- KEYS[1]  what is parked    KEYS[2...]  the rows    ARGV[1]  prefix of keys
-- Reply: how many were put back, due now.
local found = 0
for at = 2, #KEYS do
  local member = string.sub(KEYS[at], #prefix + 4)
  local lane = string.sub(redis.call('GETRANGE', KEYS[at], 24, 24), 1, 1)
  if LANES[lane] and not redis.call('ZSCORE', lane_of(lane), member) and not redis.call('ZSCORE', KEYS[1], member) then
    redis.call('ZADD', lane_of(lane), now, member)
    found = found + 1
  end
end
return found
