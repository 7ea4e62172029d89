-- CLAIM: lease the due rows of a lane. Rows are never popped: a lease is a due time in the future.
--
-- KEYS[1]  the lane (sorted set: member = "org/domain", score = due in ms)
-- ARGV[1]  prefix of keys    ARGV[2]  step    ARGV[3]  most rows    ARGV[4]  lease in ms
-- Reply: { now in us, { member, document, fence, claims, inbox mark, { commands } }, ... }
--
-- Sent twice (a reply was lost), the first lot stays leased and is claimed again when that lease has run out.
local prefix, step = ARGV[1], ARGV[2]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local reply = { time[1] .. string.format('%06d', time[2]) }
local due = redis.call('ZRANGE', KEYS[1], '-inf', now, 'BYSCORE', 'LIMIT', 0, ARGV[3])
for _, member in ipairs(due) do
  local row, inbox = prefix .. ':v:' .. member, prefix .. ':inbox:' .. member
  local held = redis.call('HMGET', row, 'step', 'doc', 'claims', 'taken')
  if held[1] ~= step then
    redis.call('ZREM', KEYS[1], member) -- a left-over: the row is in another lane, or nowhere
  elseif tonumber(held[3] or 0) == 0 or #reply == 1 then
    local fence = redis.call('HINCRBY', row, 'fence', 1)
    local claims = redis.call('HINCRBY', row, 'claims', 1)
    redis.call('ZADD', KEYS[1], now + ARGV[4], member)
    local commands = redis.call('LRANGE', inbox, 0, -1)
    local mark = tonumber(held[4] or 0) + #commands
    reply[#reply + 1] = { member, held[2], fence, claims, mark, commands }
    -- whoever had it before did not come back: it travels alone, so that it takes nobody along
    if claims > 1 then break end
  end
end
return reply
