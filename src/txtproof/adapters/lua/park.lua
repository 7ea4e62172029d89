-- PARK: set a claimed row aside that nobody can read, and say so, where the fence still holds. What somebody has written
-- in its place is left as it is.
--
-- KEYS[1]  what this worker holds    KEYS[2]  the outbox stream    KEYS[3]  what is parked    KEYS[4]  the row
-- ARGV[1]  prefix of keys    ARGV[2]  member    ARGV[3]  fence    ARGV[4]  event
local row = head_of(ARGV[2])
if row and (row.overwritten or row.fence == ARGV[3]) then
  if not row.overwritten then
    row.claims, row.held = 0, false
    write_head(ARGV[2], row)
  end
  for letter in pairs(LANES) do redis.call('ZREM', lane_of(letter), ARGV[2]) end
  redis.call('HDEL', KEYS[1], ARGV[2])
  if redis.call('ZADD', KEYS[3], 'NX', now, ARGV[2]) == 1 then redis.call('XADD', KEYS[2], '*', 'event', ARGV[4]) end
end
