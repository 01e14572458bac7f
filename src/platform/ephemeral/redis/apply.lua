-- Counts limits and makes changes; all or nothing. Bytes 8 to 15 of a value are its version (envelope.rs), empty
-- where there is no value.
-- KEYS: the counters, then the values. ARGV: now, how many groups; for each group how many limits, 1 if the first is a mark
-- (while it has had an event, the group is passed over) or 0, and of each limit window, cap, and 1 if the event is counted or 0 if it is only held against the limit; for each value 's' version bytes ttl (swap), 'p' bytes ttl (put) or 'r' (remove).
-- Answers {0, 0, 0} when done, {1, group, index} when a limit is exceeded, {2, 0, 0} when a version differs.
local now, groups = tonumber(ARGV[1]), tonumber(ARGV[2])
local key, arg = 1, 3
-- An expired value that Redis has not removed yet is none.
local function version(name)
  local head = redis.call('GETRANGE', name, 0, 15)
  if #head == 16 and struct.unpack('>i8', head) > now then
    return string.sub(head, 9)
  end
  return ''
end
for group = 1, groups do
  local limits = tonumber(ARGV[arg])
  local counted_before = ARGV[arg + 1] == '1' and had(KEYS[key], now) > 0
  arg = arg + 2
  if counted_before then
    key, arg = key + limits, arg + 3 * limits
    limits = 0
  end
  for index = 1, limits do
    local at = arg + 3 * (index - 1)
    if had(KEYS[key + index - 1], now) >= tonumber(ARGV[at + 1]) then
      return { 1, group, index }
    end
  end
  for _ = 1, limits do
    count(KEYS[key], now, tonumber(ARGV[arg]), tonumber(ARGV[arg + 2]))
    key, arg = key + 1, arg + 3
  end
end
local width = { s = 4, p = 3, r = 1 }
local at = arg
for value = key, #KEYS do
  if ARGV[at] == 's' and version(KEYS[value]) ~= ARGV[at + 1] then
    return { 2, 0, 0 }
  end
  at = at + width[ARGV[at]]
end
for value = key, #KEYS do
  local change = ARGV[arg]
  if change == 's' then
    redis.call('SET', KEYS[value], ARGV[arg + 2], 'EX', ARGV[arg + 3])
  elseif change == 'p' then
    redis.call('SET', KEYS[value], ARGV[arg + 1], 'EX', ARGV[arg + 2])
  else
    redis.call('DEL', KEYS[value])
  end
  arg = arg + width[change]
end
return { 0, 0, 0 }
