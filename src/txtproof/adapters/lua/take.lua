-- TAKE: ask for a turn to call with a credential.
--
-- KEYS[1]  how far the lines have come (hash)    KEYS[2]  the credential's calls in flight (sorted set: until when)
-- KEYS[3]  what this worker holds
-- ARGV[1]  prefix of keys    ARGV[2]  credential    ARGV[3]  id of the call    ARGV[4]  how long it may take, ms
-- ARGV[5]  most in flight    ARGV[6]  us between two calls    ARGV[7]  how many may come at once after a silence
-- ARGV[8]  place in the line that was given before, us, or ''    ARGV[9]  ms between two tries of a refused credential
-- ARGV[10] letter of the lane in which the call is made
-- Reply: { 'go', now in us, '1' where this call tries a refused credential }, { 'queued', place in us, us until then } or { 'closed', until in us }.
--
-- The line is a generic cell rate algorithm whose refusals are places: whoever comes in vain is told when, and has it.
-- It moves as fast as calls may be made, or as fast as those in flight end, where that is slower.
local line, closed, pause = ARGV[2] .. ' line', ARGV[2] .. ' closed', ARGV[2] .. ' pause'
local held = redis.call('HMGET', KEYS[1], line, closed, pause, ARGV[2] .. ' lasts')
local lasts = tonumber(held[4] or 0)
local step = math.max(tonumber(ARGV[6]), lasts / ARGV[5])
local front = math.max(tonumber(held[1] or 0), microseconds)

local function whole(number) return string.format('%.0f', number) end

local function queued(place)
  redis.call('HSET', KEYS[1], line, whole(front + step))
  return { 'queued', whole(place), whole(place - microseconds) }
end

if held[2] then
  if tonumber(held[2]) > microseconds then return { 'closed', held[2] } end
  redis.call('HSET', KEYS[1], closed, whole(microseconds + ARGV[9] * 1000)) -- this one tries it
end
local opens = tonumber(held[3] or 0)
if opens > microseconds then
  front = math.max(front, opens)
  return queued(front)
end
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
local paid = ARGV[8] ~= '' and tonumber(ARGV[8]) <= microseconds
local early = front - step * ARGV[7]
if not paid and early > microseconds then return queued(early) end
if redis.call('ZCARD', KEYS[2]) >= tonumber(ARGV[5]) then
  local over = math.max(lasts, step)
  -- a place that has come is not lost where a call takes longer than it was thought to
  if paid then return { 'queued', whole(microseconds + over), whole(over) } end
  front = math.max(front, microseconds + step)
  return queued(front)
end
if not paid then redis.call('HSET', KEYS[1], line, whole(front + step)) end
redis.call('ZADD', KEYS[2], now + ARGV[4], ARGV[3])
redis.call('PEXPIRE', KEYS[2], ARGV[4])
redis.call('HSET', KEYS[3], 'call ' .. ARGV[3], ARGV[10] .. ARGV[2])
if redis.call('PTTL', KEYS[3]) < tonumber(ARGV[4]) then redis.call('PEXPIRE', KEYS[3], ARGV[4]) end
return { 'go', whole(microseconds), held[2] and '1' or '0' }
