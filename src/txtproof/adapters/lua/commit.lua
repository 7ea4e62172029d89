-- COMMIT: change a row, its place in the lanes and the outbox together, where the fence still holds.
--
-- KEYS[1]  the row    KEYS[2]  its inbox    KEYS[3]  the outbox stream
-- ARGV[1]  prefix of keys   ARGV[2]  member   ARGV[3]  fence   ARGV[4]  commit id   ARGV[5]  document
-- ARGV[6]  step, or ''      ARGV[7]  due in ms, or ''          ARGV[8]  '1' where it has ended
-- ARGV[9]  '1' to keep the lease   ARGV[10]  inbox mark        ARGV[11] events kept   ARGV[12...]  events
-- Reply: 'committed', 'applied' (this commit id was here before) or 'fenced' (the row is somebody else's).
local prefix, member, step = ARGV[1], ARGV[2], ARGV[6]
local held = redis.call('HMGET', KEYS[1], 'fence', 'commit', 'claims', 'step', 'taken')
if held[2] == ARGV[4] then return 'applied' end
-- no claims: a final commit was made under this fence, so its holder has let go of the row
if held[1] ~= ARGV[3] or tonumber(held[3] or 0) == 0 then return 'fenced' end

local keep = ARGV[9] == '1'
local taken = tonumber(held[5] or 0)
local read = tonumber(ARGV[10]) - taken
if read > 0 then
  redis.call('LTRIM', KEYS[2], read, -1)
  redis.call('HSET', KEYS[1], 'taken', ARGV[10])
end
redis.call('HSET', KEYS[1], 'doc', ARGV[5], 'commit', ARGV[4], 'ended', ARGV[8])

local score = ARGV[7]
if held[4] then
  local lane = prefix .. ':lane:' .. held[4]
  if keep then score = redis.call('ZSCORE', lane, member) or score end
  if held[4] ~= step then redis.call('ZREM', lane, member) end
end
if not keep then
  redis.call('HSET', KEYS[1], 'claims', 0)
  if ARGV[8] == '1' then
    redis.call('DEL', KEYS[2])
  elseif redis.call('EXISTS', KEYS[2]) == 1 then
    local time = redis.call('TIME')
    score = time[1] * 1000 + math.floor(time[2] / 1000) -- a command came during the visit
  end
end
if step == '' then
  redis.call('HDEL', KEYS[1], 'step')
else
  redis.call('HSET', KEYS[1], 'step', step)
  redis.call('ZADD', prefix .. ':lane:' .. step, score, member)
end
for place = 12, #ARGV do
  redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[11], '*', 'event', ARGV[place])
end
return 'committed'
