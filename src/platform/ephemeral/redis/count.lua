-- Reads values and counts events.
-- KEYS: the values, then the counters. ARGV: now, how many values, the window of each counter.
local now, values = tonumber(ARGV[1]), tonumber(ARGV[2])
local answer = {}
for i = 1, values do
  answer[i] = redis.call('GET', KEYS[i])
end
for i = values + 1, #KEYS do
  answer[i] = count(KEYS[i], now, tonumber(ARGV[i - values + 2]))
end
return answer
