-- What all processes share, and the only thing that changes it: one batch of operations of
-- one process. Redis runs it as a whole, or not at all, and one after the other: that is the
-- order in which everybody hears everything.
--
-- ARGV: process, "new" or "known", number of the batch, number of the last event that the
--       process has had, lifetime (s), length of a history, members of a room, operations
--       as JSON: ["join", visitor, room, name, casefolded name], ["leave", visitor],
--       ["say", visitor, text as JSON], ["quit"].
-- Returns the number of the last event sent to the process; nil if nothing was done, for the
-- process is not known (any more), or Redis has lost something that it once knew.
--
-- chat:processes          sorted set: process -> time of its last batch, in microseconds
-- chat:process:<process>  hash: done -> number of its last batch, sent -> of its last event
-- chat:visitors:<process> hash: visitor -> room, newline, casefolded name
-- chat:inbox:<process>    stream: its last events, for when its subscription has been broken
-- chat:members:<room>     hash: casefolded name -> name
-- chat:members-of:<room>  hash: process -> how many members are there
-- chat:history:<room>     list of JSON, the only key that expires
-- chat:time               of the last message, in microseconds
local process, new, number, seen = ARGV[1], ARGV[2] == 'new', tonumber(ARGV[3]), tonumber(ARGV[4])
local lifetime, history, capacity = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local FIRST_OPERATION = 8
local INBOX = 10000  -- events; whoever is further behind starts anew
local ROOM_LIFETIME = 24 * 3600  -- seconds that a history is kept after its last message

local call, encode = redis.call, cjson.encode
local clock = call('TIME')
local now = clock[1] * 1000000 + clock[2]

-- An event for a process: published, and kept until the process says that it has had it.
local function send(process, target, text)
    local sent = call('HINCRBY', 'chat:process:' .. process, 'sent', 1)
    call('XADD', 'chat:inbox:' .. process, 'MAXLEN', '~', INBOX, sent, 'to', target, 'text', text)
    call('PUBLISH', 'chat:' .. process, sent .. '\n' .. target .. '\n' .. text)
end

local function tell(room, text)
    for _, process in ipairs(call('HKEYS', 'chat:members-of:' .. room)) do
        send(process, 'room ' .. room, text)
    end
end

local function find(process, visitor)
    local entry = call('HGET', 'chat:visitors:' .. process, visitor)
    if entry then
        local room, folded = entry:match('^(.*)\n(.*)$')
        return room, folded, call('HGET', 'chat:members:' .. room, folded)
    end
end

local function join(visitor, room, wanted, folded)
    local members = 'chat:members:' .. room
    if call('HLEN', members) >= capacity then
        return send(process, 'visitor ' .. visitor, '')
    end
    local name, free, count = wanted, folded, 1
    while call('HSETNX', members, free, name) == 0 do
        count = count + 1
        name, free = wanted .. '-' .. count, folded .. '-' .. count
    end
    tell(room, '{"type":"joined","name":' .. encode(name) .. '}')
    call('HSET', 'chat:visitors:' .. process, visitor, room .. '\n' .. free)
    call('HINCRBY', 'chat:members-of:' .. room, process, 1)
    local people = call('HVALS', members)
    for i, person in ipairs(people) do
        people[i] = encode(person)
    end
    local said = call('LRANGE', 'chat:history:' .. room, 0, -1)
    send(process, 'visitor ' .. visitor, '{"type":"welcome","name":' .. encode(name)
        .. ',"room":' .. encode(room) .. ',"people":[' .. table.concat(people, ',')
        .. '],"history":[' .. table.concat(said, ',') .. ']}')
end

local function leave(process, visitor)
    local room, folded, name = find(process, visitor)
    if room then
        call('HDEL', 'chat:visitors:' .. process, visitor)
        call('HDEL', 'chat:members:' .. room, folded)
        if call('HINCRBY', 'chat:members-of:' .. room, process, -1) == 0 then
            call('HDEL', 'chat:members-of:' .. room, process)
        end
        tell(room, '{"type":"left","name":' .. encode(name) .. '}')
    end
end

local function say(visitor, text)
    local room, _, name = find(process, visitor)
    if not room then return end  -- it was full
    -- Pages tell messages apart by their time: no two have the same, whatever the clock does.
    local time = math.max(now, tonumber(call('GET', 'chat:time') or 0) + 1)
    call('SET', 'chat:time', string.format('%d', time))
    local said = '"name":' .. encode(name) .. ',"text":' .. text
        .. ',"time":' .. string.format('%.6f', time / 1000000) .. '}'
    local list = 'chat:history:' .. room
    call('RPUSH', list, '{' .. said)
    call('LTRIM', list, -history, -1)
    call('EXPIRE', list, ROOM_LIFETIME)
    tell(room, '{"type":"message",' .. said)
end

-- A process that has ended, in whatever way: its visitors have left.
local function bury(process)
    for _, visitor in ipairs(call('HKEYS', 'chat:visitors:' .. process)) do
        leave(process, visitor)
    end
    call('ZREM', 'chat:processes', process)
    for _, kind in ipairs({'process', 'visitors', 'inbox'}) do
        call('DEL', 'chat:' .. kind .. ':' .. process)
    end
end

if not call('ZSCORE', 'chat:processes', process) then
    if not new then return nil end
    -- Whoever had the same name before can only be dead.
    for _, other in ipairs(call('ZRANGE', 'chat:processes', 0, -1)) do
        if other:match('^(.*)#') == process:match('^(.*)#') then bury(other) end
    end
end
local state = 'chat:process:' .. process
local done = tonumber(call('HGET', state, 'done') or 0)
if number > done + 1 or seen > tonumber(call('HGET', state, 'sent') or 0) then return nil end

call('ZADD', 'chat:processes', now, process)
for _, other in ipairs(call('ZRANGEBYSCORE', 'chat:processes', '-inf', now - lifetime * 1000000)) do
    bury(other)
end
call('XTRIM', 'chat:inbox:' .. process, 'MINID', string.format('%d', seen + 1))

-- A batch that comes again was done: only the answer has been lost.
if number > done then
    call('HSET', state, 'done', number)
    for i = FIRST_OPERATION, #ARGV do
        local operation = cjson.decode(ARGV[i])
        local name = table.remove(operation, 1)
        if name == 'join' then join(unpack(operation))
        elseif name == 'leave' then leave(process, operation[1])
        elseif name == 'say' then say(unpack(operation))
        elseif name == 'quit' then bury(process) end
    end
end
return tonumber(call('HGET', state, 'sent') or 0)
