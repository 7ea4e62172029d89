-- ACCEPT: create rows, or leave commands with the active ones, and acknowledge the messages that brought them.
--
-- KEYS[1]  the outbox stream    KEYS[2]  what is left over    KEYS[3...]  the rows
-- ARGV[1]  prefix of keys       ARGV[2]  the arrivals, in MessagePack, each a list of
--   member, command, id of the newborn or '', id and document, its lane's letter, due in ms, fence of the ended row that it
--   follows or '', whether the command is for what has ended, stream to acknowledge on or '', group, entry id, the
--   newborn's events
-- Reply, for each: 'created', 'attached', 'not_found', 'ended', 'active', or the ended row itself where another one was
-- expected (read it, and bring the newborn again as its successor).
--
-- Sent twice, the second finds its own newborn and says 'created' again.
local function accept(member, command, id, body, lane, due, follows, afterwards, stream, group, entry, events)
  local value = redis.pcall('GET', row_of(member))
  local row = read(member, value)

  local function acknowledged(reply)
    if stream ~= '' then
      redis.call('XACK', stream, group, entry)
      redis.call('XDEL', stream, entry)
    end
    return reply
  end

  if id ~= '' and row and not row.overwritten and string.sub(value, 29, 29 + #id) == id .. '\n' then return acknowledged('created') end
  if row and row.ended == afterwards then
    if afterwards and row.lane == '-' then
      row.lane = 'w'
      redis.call('SETRANGE', row_of(member), 24, row.lane)
      redis.call('PERSIST', row_of(member))
      redis.call('ZREM', KEYS[2], member)
    end
    if redis.call('LINDEX', inbox_of(member), -1) ~= command then redis.call('RPUSH', inbox_of(member), command) end
    if row.lane ~= '-' and not row.held then redis.call('ZADD', lane_of(row.lane), now, member) end
    return acknowledged('attached')
  end
  if afterwards then
    if not row then redis.call('ZREM', KEYS[2], member) end
    return row and 'active' or 'not_found'
  end
  if id == '' then return row and 'ended' or 'not_found' end
  if (row and row.fence or '') ~= follows then return value end

  if row and row.lane ~= '-' then redis.call('ZREM', lane_of(row.lane), member) end
  redis.call('DEL', inbox_of(member))
  if row then redis.call('ZREM', KEYS[2], member) end
  redis.call('SET', row_of(member), written({
    fence = fence_after(follows ~= '' and follows or 0), claims = 0, commits = 0, lane = lane, ended = false,
  }, body))
  redis.call('ZADD', lane_of(lane), due, member)
  for _, event in ipairs(events) do redis.call('XADD', KEYS[1], '*', 'event', event) end
  return acknowledged('created')
end

local reply = {}
for at, arrival in ipairs(cmsgpack.unpack(ARGV[2])) do reply[at] = accept(unpack(arrival)) end
return reply
