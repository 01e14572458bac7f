-- How many events a window has had that has not ended.
local function had(key, now)
  local ends, events = string.match(redis.call('GET', key) or '', '^(%d+) (%d+)$')
  if ends and tonumber(ends) > now then
    return tonumber(events)
  end
  return 0
end

-- Counts `by` more events of a window (0 counts none, -1 takes one back) and returns how many it has had. A counter is "<end> <count>": the caller's clock
-- decides when the window ends. The key's own expiry only removes counters that no caller needs any more.
local function count(key, now, window, by)
  local latest = now + window
  local ends, had = string.match(redis.call('GET', key) or '', '^(%d+) (%d+)$')
  ends, had = tonumber(ends or 0), tonumber(had or 0)
  if ends <= now then
    ends, had = latest, 0
  end
  -- A clock that was ahead for a while may not leave a window that outlasts its length.
  ends = math.min(ends, latest)
  local events = math.max(had + by, 0)
  redis.call('SET', key, string.format('%.0f %.0f', ends, events), 'EX', math.max(ends - now, 0) + 60)
  return events
end

