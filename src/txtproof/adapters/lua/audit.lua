-- AUDIT: put back the rows of a slice that have a step and are in no lane.
--
-- KEYS     the rows    ARGV[1]  prefix of keys
-- Reply: how many were put back, due now.
local prefix = ARGV[1]
local start = #prefix + 4
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local found = 0
for _, row in ipairs(KEYS) do
  local member, step = string.sub(row, start), redis.call('HGET', row, 'step')
  if step and not redis.call('ZSCORE', prefix .. ':lane:' .. step, member) then
    redis.call('ZADD', prefix .. ':lane:' .. step, now, member)
    found = found + 1
  end
end
return found
