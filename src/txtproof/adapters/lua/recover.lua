-- RECOVER: make due again what this worker holds in a lane, and end the calls that were made there. Only for the one
-- process of the worker that has the lane: whatever is held there was held by a process that is gone, or by one that
-- hands it back.
--
-- KEYS[1]  what this worker holds (hash: member -> lane's letter and fence; 'call ' and its id -> letter and credential)
-- ARGV[1]  prefix of keys    ARGV[2]  lane's letter    ARGV[3]  '1' where the rows are handed back, which blames none
-- Reply: how many rows are due again.
local held = redis.call('HGETALL', KEYS[1])
local found = 0
for at = 1, #held, 2 do
  local member, lane, fence = held[at], string.sub(held[at + 1], 1, 1), string.sub(held[at + 1], 2)
  local call = string.match(member, '^call (.*)')
  if lane == ARGV[2] and call then
    redis.call('ZREM', prefix .. ':calls:' .. fence, call)
    redis.call('HDEL', KEYS[1], member)
  elseif lane == ARGV[2] then
    local row = head_of(member)
    -- another fence: its lease ran out, and another worker has it
    if row and row.fence == fence and row.lane == lane and row.held then
      if ARGV[3] == '1' then
        row.claims, row.held = row.claims - 1, false
        write_head(member, row)
      end
      redis.call('ZADD', lane_of(lane), now, member)
      found = found + 1
    end
    redis.call('HDEL', KEYS[1], member)
  end
end
return found
