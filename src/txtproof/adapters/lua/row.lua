-- What every script knows of a row; it is put in front of each.
--
-- `txtproof:v:ORG/DOMAIN` is one string: a head of fixed width, the run's id, a line feed, the document.
--   fence (16 digits, microseconds)  claims (2)  commits under this fence (3)  lane (1 letter, '-': none)
--   1 where it has ended, and 2 more while it is held: from a claim to its last commit
-- With a blank after each the head has 28 bytes.
-- A string and not a hash: a hash with a document in it takes twice the memory.
local LANES = { r = 'request_code', p = 'publish_record', c = 'check_record', w = 'withdraw_record' }

local prefix = ARGV[1]
local clock = redis.call('TIME')
local microseconds = clock[1] * 1000000 + clock[2]
local now = math.floor(microseconds / 1000)

local function row_of(member) return prefix .. ':v:' .. member end
local function inbox_of(member) return prefix .. ':inbox:' .. member end
local function lane_of(letter) return prefix .. ':lane:' .. LANES[letter] end

local HEAD = '^(%d+) (%d+) (%d+) ([rpcw-]) ([0-3]) '
-- `value`: what stands there, or its head. Nil where there is no row; what somebody else has written there, be it no
-- string at all, is a row that no fence fits and no lane has.
local function read(member, value)
  if not value or value == '' or value.err then
    if redis.call('EXISTS', row_of(member)) == 0 then return nil end
    value = ''
  end
  local fence, claims, commits, lane, marks = string.match(value, HEAD)
  if not fence then return { fence = '', claims = 0, commits = 0, lane = '-', ended = false, overwritten = true } end
  return {
    fence = fence, claims = tonumber(claims), commits = tonumber(commits), lane = lane,
    ended = marks % 2 == 1, held = marks >= '2',
  }
end

local function head_of(member) return read(member, redis.pcall('GETRANGE', row_of(member), 0, 27)) end

-- `body`: the run's id, a line feed, the document. Scripts pass it on as it is: each copy of a document costs.
local function written(row, body)
  local marks = (row.ended and 1 or 0) + (row.held and 2 or 0)
  return string.format('%s %02d %03d %s %d ', row.fence, row.claims, row.commits, row.lane, marks) .. body
end

local function write_head(member, row) redis.call('SETRANGE', row_of(member), 0, written(row, '')) end

-- A fence is the time: it rises even where the server has lost its last second and hands out claims anew.
local function fence_after(fence)
  return string.format('%016d', math.max(microseconds, tonumber(fence) + 1))
end

local function append(list, ...)
  for _, one in ipairs({...}) do list[#list + 1] = one end
end

-- One command for many keys costs a fraction of one each: so does all that follows from a list of rows.
local function with_each(command, key_of, members)
  local keys = {}
  for at, member in ipairs(members) do keys[at] = key_of(member) end
  return redis.call(command, unpack(keys))
end

local function some_exist(key_of, members)
  return #members > 0 and with_each('EXISTS', key_of, members) > 0
end

local function rows_of(members)
  local values, rows = #members > 0 and with_each('MGET', row_of, members) or {}, {}
  for at, value in ipairs(values) do rows[at] = read(members[at], value) or false end
  return rows, values
end
