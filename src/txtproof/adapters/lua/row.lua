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

local HEAD = '^(%d+) (%d+) (%d+) (.) (.) ([^\n]*)\n()'
local function read(value)
  if not value then return nil end
  local fence, claims, commits, lane, ended, id, start = string.match(value, HEAD)
  return {
    fence = fence, claims = tonumber(claims), commits = tonumber(commits), lane = lane, ended = ended == '1', id = id,
    document = string.sub(value, start),
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

local function append(list, ...)
  for _, one in ipairs({...}) do list[#list + 1] = one end
end

-- One command for many keys costs a fraction of one each: so does all that follows from a list of rows.
local function some_exist(key_of, members)
  if #members == 0 then return false end
  local keys = {}
  for at, member in ipairs(members) do keys[at] = key_of(member) end
  return redis.call('EXISTS', unpack(keys)) > 0
end
