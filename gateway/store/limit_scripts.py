"""What Valkey runs for the shared limits: one script, and so one atomic step, per operation.

Scripts run to their end before anything else does (Valkey's documentation, "Scripting with Lua"),
read the server's own clock, and touch only the keys they are given; both keys of an account carry
the same hash tag. Every key expires by itself: an account when its buckets are full again, what
runs when its last lease ends. Replies are integers.
"""

from dataclasses import dataclass
from hashlib import sha1

_CLOCK = """
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)

local function expire_later(key, milliseconds)
  local text = string.format('%.0f', milliseconds)
  redis.call('PEXPIRE', key, text, 'NX')
  redis.call('PEXPIRE', key, text, 'GT')
end
"""

# A bucket that is not there is full. Time that runs backwards (another server took over) is none.
_BUCKETS = (
    _CLOCK
    + """
local key, running = KEYS[1], KEYS[2]
local per_minute = {r = tonumber(ARGV[1]), c = tonumber(ARGV[2])}
local kept = redis.call('HMGET', key, 'r', 'c', 'at')
local passed = math.max(0, now - (tonumber(kept[3]) or now)) / 60000
local left = {}
for place, name in ipairs({'r', 'c'}) do
  local before = tonumber(kept[place]) or per_minute[name]
  left[name] = math.min(per_minute[name], before + passed * per_minute[name])
end

local function wait(name, amount)
  local lacks = math.min(amount, per_minute[name]) - left[name]
  return math.max(0, math.ceil(lacks * 60000 / per_minute[name]))
end

local function keep()
  redis.call('HSET', key, 'r', string.format('%.6f', left.r),
    'c', string.format('%.6f', left.c), 'at', string.format('%.0f', now))
  local full = math.max((per_minute.r - left.r) / per_minute.r,
    (per_minute.c - left.c) / per_minute.c) * 60000
  redis.call('PEXPIRE', key, string.format('%.0f', math.ceil(full) + 1000))
end

local function lease(id, milliseconds)
  redis.call('ZADD', running, string.format('%.0f', now + milliseconds), id)
  expire_later(running, milliseconds + 1000)
end

local function count_running()
  redis.call('ZREMRANGEBYSCORE', running, '-inf', string.format('%.0f', now))
  return redis.call('ZCARD', running)
end
"""
)


@dataclass(frozen=True, slots=True)
class Script:
    """One script and how many integers it replies; Valkey knows it by its `digest` once loaded."""

    text: str
    replies: int = 1

    @property
    def digest(self) -> str:
        """SHA-1 in hexadecimal, as EVALSHA wants it: a name, no protection."""
        return sha1(self.text.encode(), usedforsecurity=False).hexdigest()


# requests, characters a minute, calls at once, lease, its milliseconds → milliseconds to wait or 0
BEGIN = Script(
    _BUCKETS
    + """
if count_running() >= tonumber(ARGV[3]) then return {1000} end
local milliseconds = wait('r', 1)
if milliseconds > 0 then return {milliseconds} end
left.r = left.r - 1
keep()
lease(ARGV[4], tonumber(ARGV[5]))
return {0}
"""
)

# requests, characters a minute, amount → milliseconds to wait or 0
TAKE = Script(
    _BUCKETS
    + """
local amount = tonumber(ARGV[3])
local milliseconds = wait('c', amount)
if milliseconds > 0 then return {milliseconds} end
left.c = left.c - amount
keep()
return {0}
"""
)

# requests, characters a minute, lease, characters given back → whether it ran (done once)
END = Script(
    _BUCKETS
    + """
if redis.call('ZREM', running, ARGV[3]) == 0 then return {0} end
local given = tonumber(ARGV[4])
if given > 0 then
  left.c = math.min(per_minute.c, left.c + given)
  keep()
end
return {1}
"""
)

# requests, characters a minute, milliseconds of a lease, leases … → how many run
RENEW = Script(
    _BUCKETS
    + """
for place = 4, #ARGV do lease(ARGV[place], tonumber(ARGV[3])) end
return {count_running()}
"""
)

# requests, characters a minute → what is left of both, and how many run
LEFT = Script(
    _BUCKETS
    + """
return {math.max(0, math.floor(left.r)), math.max(0, math.floor(left.c)), count_running()}
""",
    replies=3,
)

# gateway, milliseconds that it counts as alive (0: it goes) → how many gateways live
BEAT = Script(
    _CLOCK
    + """
local key, milliseconds = KEYS[1], tonumber(ARGV[2])
redis.call('ZREMRANGEBYSCORE', key, '-inf', string.format('%.0f', now))
if milliseconds == 0 then
  redis.call('ZREM', key, ARGV[1])
  return {redis.call('ZCARD', key)}
end
redis.call('ZADD', key, string.format('%.0f', now + milliseconds), ARGV[1])
expire_later(key, milliseconds + 1000)
return {redis.call('ZCARD', key)}
"""
)

ALL = (BEGIN, TAKE, END, RENEW, LEFT, BEAT)
