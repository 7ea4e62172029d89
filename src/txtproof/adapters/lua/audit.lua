-- AUDIT: put back the rows of a slice that have a lane and are not in it, unless they are parked.
--
-- KEYS[1]  what is parked    KEYS[2...]  the rows    ARGV[1]  prefix of keys
-- Reply: how many were put back, due now.
local found = 0
for at = 2, #KEYS do
  local member = string.sub(KEYS[at], #prefix + 4)
  local row = head_of(member)
  -- what somebody has overwritten is parked by whoever claims it, in whatever lane
  local lane = row and (row.overwritten and 'r' or row.lane)
  if LANES[lane] and not redis.call('ZSCORE', lane_of(lane), member) and not redis.call('ZSCORE', KEYS[1], member) then
    redis.call('ZADD', lane_of(lane), now, member)
    found = found + 1
  end
end
return found
