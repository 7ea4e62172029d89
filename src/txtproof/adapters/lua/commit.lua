-- COMMIT: change rows, their places in the lanes and the outbox together, each where its fence still holds.
--
-- KEYS[1]  what this worker holds    KEYS[2]  the outbox stream    KEYS[3]  what is parked
-- KEYS[4]  delays of publishers (hash: publisher -> the latest in ms, 4 bytes each)    KEYS[5]  what is left over
-- KEYS[6...]  the rows
-- ARGV[1]  prefix of keys    ARGV[2]  retention in ms    ARGV[3]  the changes, in MessagePack, each a list of
--   member, fence, number, id and document, lane's letter or '-', due in ms, ended, to keep the lease, in line,
--   commands heard, to park, left over, events, and where something was learned: publisher, delay in ms
-- ARGV[4]  delays kept of each publisher
-- Reply, for each row: 'committed', 'applied' (this number was here before) or 'fenced' (it is somebody else's).
local changes, members = cmsgpack.unpack(ARGV[3]), {}
for at, change in ipairs(changes) do members[at] = change[1] end
local commands_wait = some_exist(inbox_of, members)
local some_are_parked = redis.call('EXISTS', KEYS[3]) == 1
local some_are_left_over = redis.call('EXISTS', KEYS[5]) == 1
local rows = rows_of(members)
local let_go, staying, changed = {}, {}, {}

local function commit(row, member, fence, number, body, lane, due, ended, keep, in_line, heard, parked, left_over,
    events, publisher, delay)
  if not row or row.fence ~= fence then return 'fenced' end
  if row.commits >= number then return 'applied' end
  -- a final commit was made under this fence, so its holder has let go of the row
  if not row.held then return 'fenced' end

  local moved = row.lane ~= lane
  if heard > 0 then redis.call('LTRIM', inbox_of(member), heard, -1) end
  if moved and row.lane ~= '-' then
    if keep then due = redis.call('ZSCORE', lane_of(row.lane), member) or due end
    redis.call('ZREM', lane_of(row.lane), member)
  end
  if not keep then
    row.claims, row.held = in_line and row.claims - 1 or 0, false
    append(let_go, member)
    if commands_wait and ended and lane == '-' then
      redis.call('DEL', inbox_of(member))
    elseif commands_wait and redis.call('EXISTS', inbox_of(member)) == 1 then
      due = now -- a command came during the visit
    end
  end
  row.commits, row.lane, row.ended = number, lane, ended
  if lane ~= '-' and moved then
    redis.call('ZADD', lane_of(lane), due, member)
  elseif lane ~= '-' and not keep then
    staying[lane] = staying[lane] or {}
    append(staying[lane], due, member)
  end
  if lane == '-' and ended and not left_over then
    redis.call('SET', row_of(member), written(row, body), 'PX', ARGV[2])
  else
    append(changed, row_of(member), written(row, body))
  end
  if parked then
    redis.call('ZADD', KEYS[3], now, member)
  elseif some_are_parked then
    redis.call('ZREM', KEYS[3], member)
  end
  if left_over then
    redis.call('ZADD', KEYS[5], now, member)
  elseif some_are_left_over then
    redis.call('ZREM', KEYS[5], member)
  end
  for _, event in ipairs(events) do redis.call('XADD', KEYS[2], '*', 'event', event) end
  if publisher then
    local known = (redis.call('HGET', KEYS[4], publisher) or '') .. struct.pack('>I4', math.min(delay, 4294967295))
    redis.call('HSET', KEYS[4], publisher, string.sub(known, -4 * ARGV[4]))
  end
  return 'committed'
end

local reply = {}
for at, change in ipairs(changes) do reply[at] = commit(rows[at], unpack(change)) end
if #changed > 0 then redis.call('MSET', unpack(changed)) end
if #let_go > 0 then redis.call('HDEL', KEYS[1], unpack(let_go)) end
for lane, places in pairs(staying) do redis.call('ZADD', lane_of(lane), unpack(places)) end
return reply
