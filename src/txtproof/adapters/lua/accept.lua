-- ACCEPT: create a row, or leave a command with the active one, and acknowledge the message that brought it.
--
-- KEYS[1]  the row    KEYS[2]  its inbox    KEYS[3]  the outbox stream
-- ARGV[1]  prefix of keys   ARGV[2]  member   ARGV[3]  command   ARGV[4]  verification id of the newborn, or ''
-- ARGV[5]  its document     ARGV[6]  its step ARGV[7]  due in ms ARGV[8]  fence of the ended row that it follows, or ''
-- ARGV[9]  stream to acknowledge on, or ''    ARGV[10] group     ARGV[11] entry id
-- ARGV[12] events kept      ARGV[13...]  the newborn's events
-- Reply: 'created', 'attached', 'not_found', 'ended', or 'changed' (the row before is another one by now: read again).
--
-- Sent twice, the second finds its own newborn and says 'created' again.
local prefix, member = ARGV[1], ARGV[2]
local held = redis.call('HMGET', KEYS[1], 'fence', 'ended', 'born', 'step', 'claims')

local function acknowledged(reply)
  if ARGV[9] ~= '' then redis.call('XACK', ARGV[9], ARGV[10], ARGV[11]) end
  return reply
end

if ARGV[4] ~= '' and held[3] == ARGV[4] then return acknowledged('created') end

if held[1] and held[2] ~= '1' then
  if redis.call('LINDEX', KEYS[2], -1) ~= ARGV[3] then redis.call('RPUSH', KEYS[2], ARGV[3]) end
  if held[4] and tonumber(held[5] or 0) == 0 then
    local time = redis.call('TIME')
    redis.call('ZADD', prefix .. ':lane:' .. held[4], time[1] * 1000 + math.floor(time[2] / 1000), member)
  end
  return acknowledged('attached')
end

if ARGV[4] == '' then return held[1] and 'ended' or 'not_found' end
if (held[1] or '') ~= ARGV[8] then return 'changed' end

if held[4] then redis.call('ZREM', prefix .. ':lane:' .. held[4], member) end
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('HSET', KEYS[1], 'doc', ARGV[5], 'born', ARGV[4], 'step', ARGV[6], 'ended', '0', 'claims', 0,
  'fence', tonumber(ARGV[8] ~= '' and ARGV[8] or 0) + 1)
redis.call('ZADD', prefix .. ':lane:' .. ARGV[6], ARGV[7], member)
for place = 13, #ARGV do
  redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[12], '*', 'event', ARGV[place])
end
return acknowledged('created')
