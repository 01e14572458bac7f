-- Reads values and counts events. With values to read, events are counted only if all of them exist: identifiers
-- that somebody makes up create no counters.
-- KEYS: the values, then the counters. ARGV: now, how many values; of each counter its window and how many events.
local now, values = tonumber(ARGV[1]), tonumber(ARGV[2])
local answer, count_events = {}, true
for i = 1, values do
  answer[i] = redis.call('GET', KEYS[i])
  count_events = count_events and answer[i]
end
for i = values + 1, #KEYS do
  local arg = 2 * (i - values) + 1
  answer[i] = count_events and count(KEYS[i], now, tonumber(ARGV[arg]), tonumber(ARGV[arg + 1])) or had(KEYS[i], now)
end
return answer
