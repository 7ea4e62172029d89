-- TAKE: ask for a turn to call with a credential.
--
-- KEYS[1]  how far the lines have come (hash)    KEYS[2]  the credential's calls in flight (sorted set: until when)
-- KEYS[3]  what this worker holds
-- ARGV[1]  prefix of keys    ARGV[2]  credential    ARGV[3]  id of the call    ARGV[4]  how long it may take, ms
-- ARGV[5]  most in flight    ARGV[6]  us between two calls    ARGV[7]  how many may come at once after a silence
-- ARGV[8]  place in the line that was given before, us, or ''    ARGV[9]  ms between two tries of a refused credential
-- ARGV[10] letter of the lane in which the call is made    ARGV[11] for how long it is foreseen how fast calls end, us
-- Reply: { 'go', now in us, '1' where this call tries a refused credential }, { 'queued', place in us, us until then } or { 'closed', until in us }.
--
-- The line is a generic cell rate algorithm whose refusals are places: whoever comes in vain is told when, and has it.
-- There are two: one moves as fast as calls may be made, one as fast as those in flight end, which is not foreseen for
-- long. Past that, whoever asks comes again by the rate, in vain or not: what was slow an hour ago may be quick by then.
local line, room, late = ARGV[2] .. ' line', ARGV[2] .. ' room', ARGV[2] .. ' late'
local closed, pause, lasts = ARGV[2] .. ' closed', ARGV[2] .. ' pause', ARGV[2] .. ' lasts'
local held = redis.call('HMGET', KEYS[1], line, closed, pause, lasts, room, late)
local most, step, foreseen, took = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[11]), tonumber(held[4] or 0)
local opens = math.max(tonumber(held[3] or 0), microseconds)
local front, ends = math.max(tonumber(held[1] or 0), opens), math.max(tonumber(held[5] or 0), opens)
local at_once = took / most * ARGV[7]
local is_far = ends - at_once >= opens + foreseen

local function whole(number) return string.format('%.0f', number) end

local function move()
  redis.call('HSET', KEYS[1], line, whole(front + step),
    room, whole(math.min(ends + took / most, opens + foreseen + at_once)))
end

local function queued(place)
  if is_far then place = front + foreseen end
  move()
  return { 'queued', whole(place), whole(place - microseconds) }
end

if held[2] then
  if tonumber(held[2]) > microseconds then return { 'closed', held[2] } end
  redis.call('HSET', KEYS[1], closed, whole(microseconds + ARGV[9] * 1000)) -- this one tries it
end
if opens > microseconds then return queued(math.max(front, ends)) end
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
local paid = ARGV[8] ~= '' and tonumber(ARGV[8]) <= microseconds
local early = math.max(front - step * ARGV[7], ends - at_once)
if not paid and early > microseconds then return queued(early) end
if redis.call('ZCARD', KEYS[2]) >= most then
  local over = math.max(tonumber(held[6] or 0), microseconds) + math.max(took / most, step)
  -- a place that has come is not lost where a call takes longer than it was thought to, nor where some others do
  if paid and over <= microseconds + math.max(took, step) then
    redis.call('HSET', KEYS[1], late, whole(over))
    return { 'queued', whole(over), whole(over - microseconds) }
  end
  front = math.max(front, microseconds + step)
  return queued(math.max(front, ends))
end
if not paid then move() end
redis.call('ZADD', KEYS[2], now + ARGV[4], ARGV[3])
redis.call('PEXPIRE', KEYS[2], ARGV[4])
redis.call('HSET', KEYS[3], 'call ' .. ARGV[3], ARGV[10] .. ARGV[2])
if redis.call('PTTL', KEYS[3]) < tonumber(ARGV[4]) then redis.call('PEXPIRE', KEYS[3], ARGV[4]) end
return { 'go', whole(microseconds), held[2] and '1' or '0' }
