#!lua name=linewatch
-- SPDX-License-Identifier: BSD-3-Clause
-- Each function is one atomic commit inside one partition: all its keys carry the same hash tag.
-- Replies are arrays: a code, the partition's commit counter (seq), then what the function says.
--
--   OK       done
--   DUP      this operation was done before; success
--   FENCED   the caller's token is not the lease's: it does not own the partition (any more)
--   NOLEASE  there is no lease: Redis lost its data
--   HELD     p_take: somebody else holds the lease (tok, rn, node follow)
--   STALE    the record's version is another one (it follows; 0: there is no record)
--   STATE    the call has ended (st and why follow)
--   NOTDUE   c_end: the session has not expired (how many ms are left follows)
--
-- The build joins the files of this folder, this one first. A node loads the whole when Redis has
-- none or one of a lower VERSION; raise it with each change.
local VERSION = 2

local function now_ms()
	local t = redis.call('TIME')
	return t[1] * 1000 + math.floor(t[2] / 1000)
end

local function text(number)
	return string.format('%.0f', number)
end

-- Nil when the token is the lease's, else the reply.
local function fence(lease, token)
	local cur = redis.call('HMGET', lease, 'tok', 'seq')
	if cur[1] == token and token ~= '' then
		return nil
	end
	return {cur[1] and 'FENCED' or 'NOLEASE', tonumber(cur[2]) or 0}
end

local function next_seq(lease)
	return redis.call('HINCRBY', lease, 'seq', 1)
end

-- Arguments of a command, in portions that unpack() takes; add() returns those still to be sent.
local function flush(command, key, list)
	if #list > 0 then
		redis.call(command, key, unpack(list))
	end
end

local function add(command, key, list, a, b)
	list[#list + 1] = a
	if b then
		list[#list + 1] = b
	end
	if #list >= 500 then
		flush(command, key, list)
		return {}
	end
	return list
end

-- 'allow-oom': what frees memory, keeps a lease or ends a call must work when Redis is full.
local function register(name, callback, ...)
	redis.register_function{function_name = name, callback = callback, flags = {...}}
end

-- A function of the partition's owner: its first argument is the token.
local function register_owned(name, callback, ...)
	register(name, function(keys, args)
		return fence(keys[1], args[1]) or callback(keys, args)
	end, ...)
end
