-- SPDX-License-Identifier: BSD-3-Clause
-- Calls: keys are lease, call, due, sdp-a, sdp-b, med.

local RANK = {setup = 1, early = 2, active = 3, ending = 4, ended = 5}

local function call_state(key)
	local cur = redis.call('HMGET', key, 'ver', 'last_op', 'st', 'why', 'exp_ms')
	return {ver = tonumber(cur[1]) or 0, op = cur[2], st = cur[3], why = cur[4] or '',
		exp = tonumber(cur[5])}
end

-- Pairs from args[first] on; the first letter of the name says where the value lives (record.h).
local function apply(keys, args, first, id)
	local now = now_ms()
	local set, gone, med = {}, {}, {}
	for i = first, #args - 1, 2 do
		local kind, name, value = args[i]:sub(1, 1), args[i]:sub(2), args[i + 1]
		if kind == '=' then
			set = add('HSET', keys[2], set, name, value)
		elseif kind == '@' then
			local at = text(now + tonumber(value))
			set = add('HSET', keys[2], set, name, at)
			if name == 'next_ms' then
				redis.call('ZADD', keys[3], at, id)
			end
		elseif kind == '-' then
			gone = add('HDEL', keys[2], gone, name)
		elseif kind == 'M' and value ~= '' then
			med = add('HSET', keys[6], med, name, value)
		elseif kind == 'M' then
			redis.call('HDEL', keys[6], name)
		elseif kind == 'a' or kind == 'b' then
			local key = kind == 'a' and keys[4] or keys[5]
			if value ~= '' then
				redis.call('SET', key, value)
			else
				redis.call('DEL', key)
			end
		end
	end
	flush('HSET', keys[2], set)
	flush('HDEL', keys[2], gone)
	flush('HSET', keys[6], med)
	-- Every live call is in the index, whether it has a deadline or not.
	redis.call('ZADD', keys[3], 'NX', now, id)
end

local function given_state(args, first)
	for i = first, #args - 1, 2 do
		if args[i] == '=st' then
			return args[i + 1]
		end
	end
end

-- The reply where nothing was written.
local function stands(keys, code, cur, ...)
	return {code, tonumber(redis.call('HGET', keys[1], 'seq')) or 0, cur.ver, ...}
end

local function finish(keys, ver, op)
	redis.call('HSET', keys[2], 'ver', ver, 'last_op', op)
	return {'OK', next_seq(keys[1]), ver}
end

local function owner_of(token)
	return token:match('^[^/]*')
end

-- tok, ver (0), op, id, pairs -> OK seq ver. A new call.
local function c_new(keys, args)
	local cur = call_state(keys[2])
	if cur.ver > 0 and cur.op == args[3] then
		return stands(keys, 'DUP', cur)
	elseif cur.st == 'ended' then
		return stands(keys, 'STATE', cur, cur.st, cur.why)
	elseif cur.ver > 0 then
		return stands(keys, 'STALE', cur)
	end
	apply(keys, args, 5, args[4])
	redis.call('HSET', keys[2], 'owner', owner_of(args[1]))
	return finish(keys, 1, args[3])
end

-- tok, ver, op, id, pairs -> OK seq ver+1. Some fields change.
local function c_commit(keys, args)
	local cur = call_state(keys[2])
	if cur.ver > 0 and cur.op == args[3] then
		return stands(keys, 'DUP', cur)
	elseif cur.st == 'ended' then
		return stands(keys, 'STATE', cur, cur.st, cur.why)
	elseif cur.ver == 0 or cur.ver ~= tonumber(args[2]) then
		return stands(keys, 'STALE', cur)
	end
	local st = given_state(args, 5)
	if st and (RANK[st] or 0) < (RANK[cur.st] or 0) then
		return stands(keys, 'STATE', cur, cur.st, cur.why)
	end
	apply(keys, args, 5, args[4])
	return finish(keys, cur.ver + 1, args[3])
end

-- tok, ver (the new one), op, id, pairs -> OK seq ver. The whole record again, from the memory of
-- the owner: it replaces what is there, unless that is newer or ended.
local function c_reassert(keys, args)
	local ver = tonumber(args[2])
	local cur = call_state(keys[2])
	if cur.ver > 0 and cur.op == args[3] and cur.ver == ver then
		return stands(keys, 'DUP', cur)
	elseif cur.st == 'ended' then
		return stands(keys, 'STATE', cur, cur.st, cur.why)
	elseif cur.ver >= ver then
		return stands(keys, 'STALE', cur)
	end
	redis.call('DEL', keys[2], keys[4], keys[5], keys[6])
	apply(keys, args, 5, args[4])
	redis.call('HSET', keys[2], 'owner', owner_of(args[1]))
	return finish(keys, ver, args[3])
end

-- tok, ver, op, id, margin ms (-1: any time), pairs -> OK seq ver+1. The decision to hang up.
local function c_end(keys, args)
	local cur = call_state(keys[2])
	if cur.st == 'ending' then
		-- Written again, so that a WAIT behind this reply covers the decision.
		redis.call('HSET', keys[2], 'st', 'ending')
		return stands(keys, 'DUP', cur)
	elseif cur.st == 'ended' then
		return stands(keys, 'STATE', cur, cur.st, cur.why)
	elseif cur.ver == 0 or cur.ver ~= tonumber(args[2]) then
		return stands(keys, 'STALE', cur)
	end
	local margin = tonumber(args[5])
	if margin >= 0 and cur.exp then
		local left = cur.exp - margin - now_ms()
		if left > 0 then
			return stands(keys, 'NOTDUE', cur, left)
		end
	end
	apply(keys, args, 6, args[4])
	redis.call('HSET', keys[2], 'st', 'ending')
	return finish(keys, cur.ver + 1, args[3])
end

local ENDED_TTL = 600 -- s, how long an ended call can be looked at
local LAST_WORDS = {why = true, cause = true, by = true, t0 = true, t1 = true, t2 = true}

-- Keeps the last words (name, value, ...) of a call for a while.
local function bury(keys, id, ver, op, words)
	redis.call('DEL', keys[2], keys[4], keys[5], keys[6])
	redis.call('HSET', keys[2], 'st', 'ended', 'ver', ver, 'last_op', op, unpack(words))
	redis.call('EXPIRE', keys[2], ENDED_TTL)
	redis.call('ZREM', keys[3], id)
end

-- The six keys and cdr | tok, op, id, pairs -> OK seq ver. The call is over: one CDR.
local function c_done(keys, args)
	local id, cur = args[3], call_state(keys[2])
	if cur.st == 'ended' then
		redis.call('ZREM', keys[3], id)
		return stands(keys, 'DUP', cur)
	end
	local now, words, cdr = now_ms(), {}, {}
	for i = 4, #args - 1, 2 do
		local kind, name, value = args[i]:sub(1, 1), args[i]:sub(2), args[i + 1]
		if kind == '@' then
			value = text(now + tonumber(value))
		end
		if kind == '=' or kind == '@' or kind == '-' then
			cdr[#cdr + 1], cdr[#cdr + 2] = name, value
			if LAST_WORDS[name] or name:find('sip$') or name:find('rtp$') then
				words[#words + 1] = name == 'cause' and 'why' or name
				words[#words + 1] = value
			end
		end
	end
	bury(keys, id, cur.ver + 1, args[2], words)
	redis.call('XADD', keys[7], '*', unpack(cdr))
	return {'OK', next_seq(keys[1]), cur.ver + 1}
end

-- The six keys | tok, id -> OK seq. A call that came back when Redis was rolled back; its CDR has
-- been written long ago.
local function c_drop(keys, args)
	bury(keys, args[2], call_state(keys[2]).ver + 1, 'drop', {'why', 'rollback'})
	return {'OK', next_seq(keys[1])}
end

-- The six keys | op, id, pairs -> OK seq ver+1. What any node may record, without a token: a peer's
-- BYE, its refresh, its new target. The owner learns it by STALE.
local function c_fact(keys, args)
	local cur = call_state(keys[2])
	if cur.ver > 0 and cur.op == args[1] then
		return stands(keys, 'DUP', cur)
	elseif cur.ver == 0 then
		return stands(keys, 'STALE', cur)
	end
	local st = given_state(args, 3)
	if cur.st == 'ended' or st and (RANK[st] or 0) < (RANK[cur.st] or 0) then
		return stands(keys, 'STATE', cur, cur.st, cur.why)
	end
	apply(keys, args, 3, args[2])
	return finish(keys, cur.ver + 1, args[1])
end

-- call, med, sdp-a, sdp-b -> the record as it is
local function c_read(keys)
	return {redis.call('HGETALL', keys[1]), redis.call('HGETALL', keys[2]),
		redis.call('GET', keys[3]), redis.call('GET', keys[4])}
end

register_owned('c_new', c_new)
register_owned('c_commit', c_commit)
register_owned('c_reassert', c_reassert)
register_owned('c_end', c_end, 'allow-oom')
register_owned('c_done', c_done, 'allow-oom')
register_owned('c_drop', c_drop, 'allow-oom')
register('c_fact', c_fact, 'allow-oom')
register('c_read', c_read, 'no-writes')
