-- What every script knows of a row; it is put in front of each.
--
-- `txtproof:v:ORG/DOMAIN` is one string: a head of fixed width, the run's id, a line feed, the document.
--   fence (16 digits, microseconds)  claims (2)  commits under this fence (3)  lane (1 letter, '-': none)  ended (0, 1)
-- A string and not a hash: a hash with a document in it takes twice the memory.
local LANES = { r = 'request_code', p = 'publish_record', c = 'check_record', w = 'withdraw_record' }

local prefix = ARGV[1]
local clock = redis.call('TIME')
local microseconds = clock[1] * 1000000 + clock[2]
local now = math.floor(microseconds / 1000)

local function row_of(member) return prefix .. ':v:' .. member end
local function inbox_of(member) return prefix .. ':inbox:' .. member end
local function lane_of(letter) return prefix .. ':lane:' .. LANES[letter] end

local function read(value)
  if not value or #value < 28 then return nil end
  local feed = string.find(value, '\n', 28, true)
  return {
    fence = string.sub(value, 1, 16),
    claims = tonumber(string.sub(value, 18, 19)),
    commits = tonumber(string.sub(value, 21, 23)),
    lane = string.sub(value, 25, 25),
    ended = string.sub(value, 27, 27) == '1',
    id = string.sub(value, 29, feed - 1),
    document = string.sub(value, feed + 1),
  }
end

local function written(row)
  return string.format('%s %02d %03d %s %d %s\n', row.fence, row.claims, row.commits, row.lane, row.ended and 1 or 0,
    row.id) .. row.document
end

-- A fence is the time: it rises even where the server has lost its last second and hands out claims anew.
local function fence_after(fence)
  return string.format('%016d', math.max(microseconds, tonumber(fence) + 1))
end
