-- CLAIM: lease the due rows of a lane. Rows are never popped: a lease is a due time in the future.
--
-- KEYS[1]  the lane (sorted set: member = "org/domain", score = due in ms)    KEYS[2]  what this worker holds
-- ARGV[1]  prefix of keys    ARGV[2]  lane's letter    ARGV[3]  most rows    ARGV[4]  lease in ms
-- Reply: { now in ms, { member, row as it was, fence, claims, { commands } }, ... }; '' for what somebody has overwritten
--
-- Sent twice (a reply was lost), the first lot stays leased and is claimed again when that lease has run out.
local reply = { now }
local members = redis.call('ZRANGE', KEYS[1], '-inf', now, 'BYSCORE', 'LIMIT', 0, ARGV[3])
local first = members[1] and head_of(members[1])
-- whoever had it before did not come back: it travels alone, so that it takes nobody along
if first and first.claims > 0 then members = { members[1] } end
local commands_wait = some_exist(inbox_of, members)
local rows, values = rows_of(members)
local leases, held = {}, {}
for at, member in ipairs(members) do
  local row = rows[at]
  if row and row.overwritten then
    reply[#reply + 1] = { member, '', fence_after(0), 0, {} } -- it stays until who reads this has parked it
  elseif not row or row.lane ~= ARGV[2] then
    redis.call('ZREM', KEYS[1], member) -- a left-over: the row is in another lane, or nowhere
  elseif row.claims == 0 or #reply == 1 then
    row.fence, row.claims, row.commits, row.held = fence_after(row.fence), math.min(row.claims + 1, 99), 0, true
    write_head(member, row)
    append(leases, now + ARGV[4], member)
    append(held, member, ARGV[2] .. row.fence)
    local commands = commands_wait and redis.call('LRANGE', inbox_of(member), 0, -1) or {}
    reply[#reply + 1] = { member, values[at], row.fence, row.claims, commands }
    if row.claims > 1 then break end
  end
end
if #held > 0 then
  redis.call('ZADD', KEYS[1], unpack(leases))
  redis.call('HSET', KEYS[2], unpack(held))
  redis.call('PEXPIRE', KEYS[2], 2 * ARGV[4])
end
return reply
