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
-- A node loads this file when Redis has none or one of a lower VERSION; raise it with each change.
local VERSION = 1

local ENDED_TTL = 600 -- s, how long an ended call can be looked at

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

-- Lease of a partition ---------------------------------------------------------------------------

-- lease | node, incarnation, seen tok, seen rn -> OK seq tok, previous tok, previous seq
-- Free leases, and those of the same node's older incarnation, are taken at once; a foreign one
-- only if it still looks exactly as the caller has seen it for long enough.
local function p_take(keys, args)
	local node, inc = args[1], tonumber(args[2])
	local cur = redis.call('HMGET', keys[1], 'node', 'inc', 'epoch', 'tok', 'rn', 'seq')
	local tok, rn, seq = cur[4] or '', cur[5] or '0', tonumber(cur[6]) or 0
	if tok ~= '' then
		if cur[1] == node then
			if tonumber(cur[2]) > inc then
				return {'FENCED', seq, tok}
			end
		elseif tok ~= args[3] or rn ~= args[4] then
			return {'HELD', seq, tok, rn, cur[1] or ''}
		end
	end
	local now = now_ms()
	local epoch = text(math.max((tonumber(cur[3]) or 0) + 1, now))
	local mine = node .. '/' .. args[2] .. '/' .. epoch
	redis.call('HSET', keys[1], 'node', node, 'inc', args[2], 'epoch', epoch, 'tok', mine,
		'rn', text(math.max(tonumber(rn) + 1, now)), 'since', text(now))
	return {'OK', next_seq(keys[1]), mine, tok, seq}
end

-- lease | tok -> OK seq, Redis ms
local function p_renew(keys, args)
	local cur = redis.call('HMGET', keys[1], 'tok', 'rn', 'seq')
	local seq = tonumber(cur[3]) or 0
	if cur[1] ~= args[1] or args[1] == '' then
		return {cur[1] and 'FENCED' or 'NOLEASE', seq}
	end
	local now = now_ms()
	redis.call('HSET', keys[1], 'rn', text(math.max((tonumber(cur[2]) or 0) + 1, now)))
	return {'OK', seq, now}
end

-- lease | tok -> OK seq. The next node need not wait.
local function p_give(keys, args)
	local refused = fence(keys[1], args[1])
	if refused then
		return refused
	end
	redis.call('HSET', keys[1], 'node', '', 'tok', '', 'since', text(now_ms()))
	return {'OK', next_seq(keys[1])}
end

-- Calls: keys are lease, call, due, sdp-a, sdp-b, med -------------------------------------------

local RANK = {setup = 1, early = 2, active = 3, ending = 4, ended = 5}

local function call_state(key)
	local cur = redis.call('HMGET', key, 'ver', 'last_op', 'st', 'why', 'exp_ms')
	return {ver = tonumber(cur[1]) or 0, op = cur[2], st = cur[3], why = cur[4] or '',
		exp = tonumber(cur[5])}
end

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

local function finish(keys, ver, op)
	redis.call('HSET', keys[2], 'ver', ver, 'last_op', op)
	return {'OK', next_seq(keys[1]), ver}
end

local function owner_of(token)
	return token:match('^[^/]*')
end

-- tok, ver (0), op, id, pairs -> OK seq ver. A new call.
local function c_new(keys, args)
	local refused = fence(keys[1], args[1])
	if refused then
		return refused
	end
	local cur = call_state(keys[2])
	local seq = tonumber(redis.call('HGET', keys[1], 'seq')) or 0
	if cur.ver > 0 and cur.op == args[3] then
		return {'DUP', seq, cur.ver}
	elseif cur.st == 'ended' then
		return {'STATE', seq, cur.ver, cur.st, cur.why}
	elseif cur.ver > 0 then
		return {'STALE', seq, cur.ver}
	end
	apply(keys, args, 5, args[4])
	redis.call('HSET', keys[2], 'owner', owner_of(args[1]))
	return finish(keys, 1, args[3])
end

-- tok, ver, op, id, pairs -> OK seq ver+1. Some fields change.
local function c_commit(keys, args)
	local refused = fence(keys[1], args[1])
	if refused then
		return refused
	end
	local cur = call_state(keys[2])
	local seq = tonumber(redis.call('HGET', keys[1], 'seq')) or 0
	if cur.ver > 0 and cur.op == args[3] then
		return {'DUP', seq, cur.ver}
	elseif cur.st == 'ended' then
		return {'STATE', seq, cur.ver, cur.st, cur.why}
	elseif cur.ver == 0 or cur.ver ~= tonumber(args[2]) then
		return {'STALE', seq, cur.ver}
	end
	local st = given_state(args, 5)
	if st and (RANK[st] or 0) < (RANK[cur.st] or 0) then
		return {'STATE', seq, cur.ver, cur.st, cur.why}
	end
	apply(keys, args, 5, args[4])
	return finish(keys, cur.ver + 1, args[3])
end

-- tok, ver (the new one), op, id, pairs -> OK seq ver. The whole record again, from the memory of
-- the owner: it replaces what is there, unless that is newer or ended.
local function c_reassert(keys, args)
	local refused = fence(keys[1], args[1])
	if refused then
		return refused
	end
	local ver = tonumber(args[2])
	local cur = call_state(keys[2])
	local seq = tonumber(redis.call('HGET', keys[1], 'seq')) or 0
	if cur.ver > 0 and cur.op == args[3] and cur.ver == ver then
		return {'DUP', seq, cur.ver}
	elseif cur.st == 'ended' then
		return {'STATE', seq, cur.ver, cur.st, cur.why}
	elseif cur.ver >= ver then
		return {'STALE', seq, cur.ver}
	end
	redis.call('DEL', keys[2], keys[4], keys[5], keys[6])
	apply(keys, args, 5, args[4])
	redis.call('HSET', keys[2], 'owner', owner_of(args[1]))
	return finish(keys, ver, args[3])
end

-- tok, ver, op, id, margin ms (-1: any time), pairs -> OK seq ver+1. The decision to hang up.
local function c_end(keys, args)
	local refused = fence(keys[1], args[1])
	if refused then
		return refused
	end
	local cur = call_state(keys[2])
	local seq = tonumber(redis.call('HGET', keys[1], 'seq')) or 0
	if cur.st == 'ending' then
		-- Written again, so that a WAIT behind this reply covers the decision.
		redis.call('HSET', keys[2], 'st', 'ending')
		return {'DUP', seq, cur.ver}
	elseif cur.st == 'ended' then
		return {'STATE', seq, cur.ver, cur.st, cur.why}
	elseif cur.ver == 0 or cur.ver ~= tonumber(args[2]) then
		return {'STALE', seq, cur.ver}
	end
	local margin = tonumber(args[5])
	if margin >= 0 and cur.exp then
		local left = cur.exp - margin - now_ms()
		if left > 0 then
			return {'NOTDUE', seq, cur.ver, left}
		end
	end
	apply(keys, args, 6, args[4])
	redis.call('HSET', keys[2], 'st', 'ending')
	return finish(keys, cur.ver + 1, args[3])
end

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
	local refused = fence(keys[1], args[1])
	if refused then
		return refused
	end
	local id, cur = args[3], call_state(keys[2])
	if cur.st == 'ended' then
		redis.call('ZREM', keys[3], id)
		return {'DUP', tonumber(redis.call('HGET', keys[1], 'seq')) or 0, cur.ver}
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
	local refused = fence(keys[1], args[1])
	if refused then
		return refused
	end
	bury(keys, args[2], call_state(keys[2]).ver + 1, 'drop', {'why', 'rollback'})
	return {'OK', next_seq(keys[1])}
end

-- The six keys | op, id, pairs -> OK seq ver+1. What any node may record, without a token: a peer's
-- BYE, its refresh, its new target. The owner learns it by STALE.
local function c_fact(keys, args)
	local cur = call_state(keys[2])
	local seq = tonumber(redis.call('HGET', keys[1], 'seq')) or 0
	if cur.ver > 0 and cur.op == args[1] then
		return {'DUP', seq, cur.ver}
	elseif cur.ver == 0 then
		return {'STALE', seq, 0}
	end
	local st = given_state(args, 3)
	if cur.st == 'ended' or st and (RANK[st] or 0) < (RANK[cur.st] or 0) then
		return {'STATE', seq, cur.ver, cur.st, cur.why}
	end
	apply(keys, args, 3, args[2])
	return finish(keys, cur.ver + 1, args[1])
end

-- call, med, sdp-a, sdp-b -> the record as it is
local function c_read(keys)
	return {redis.call('HGETALL', keys[1]), redis.call('HGETALL', keys[2]),
		redis.call('GET', keys[3]), redis.call('GET', keys[4])}
end

-- Bindings: keys are lease, binding, reg, regdue --------------------------------------------------

local function binding_del(keys, bid, member)
	redis.call('DEL', keys[2])
	redis.call('SREM', keys[3], bid)
	redis.call('ZREM', keys[4], member)
end

-- tok, bid, regdue member, ttl ms, pairs -> OK seq. Replaces the binding.
local function b_set(keys, args)
	local refused = fence(keys[1], args[1])
	if refused then
		return refused
	end
	local bid, member, ttl = args[2], args[3], tonumber(args[4])
	binding_del(keys, bid, member)
	if ttl > 0 then
		local now, set = now_ms(), {}
		for i = 5, #args - 1, 2 do
			local kind, name, value = args[i]:sub(1, 1), args[i]:sub(2), args[i + 1]
			if kind == '@' then
				value = text(now + tonumber(value))
			end
			if kind == '=' or kind == '@' then
				set = add('HSET', keys[2], set, name, value)
			end
		end
		set[#set + 1], set[#set + 2] = 'exp_ms', text(now + ttl)
		flush('HSET', keys[2], set)
		redis.call('PEXPIRE', keys[2], text(ttl))
		redis.call('SADD', keys[3], bid)
		redis.call('PEXPIRE', keys[3], text(math.max(ttl, redis.call('PTTL', keys[3]))))
		redis.call('ZADD', keys[4], text(now + ttl), member)
	end
	return {'OK', next_seq(keys[1])}
end

-- tok, bid, regdue member -> OK seq
local function b_del(keys, args)
	local refused = fence(keys[1], args[1])
	if refused then
		return refused
	end
	binding_del(keys, args[2], args[3])
	return {'OK', next_seq(keys[1])}
end

-- Nodes -----------------------------------------------------------------------------------------

-- {cfg}:ver, {cfg}:conf, {cfg}:nodes, {cfg}:node:<n> | schema, partitions, node, incarnation (0: a
-- new one) -> OK incarnation, Redis ms; or VERSION, PARTITIONS, FENCED and what is there
local function n_join(keys, args)
	local ver = redis.call('GET', keys[1])
	if ver and ver ~= args[1] then
		return {'VERSION', ver}
	end
	local partitions = redis.call('HGET', keys[2], 'partitions')
	if partitions and partitions ~= args[2] then
		return {'PARTITIONS', partitions}
	end
	local stored = tonumber(redis.call('HGET', keys[4], 'inc')) or 0
	local inc = tonumber(args[4])
	if inc == 0 then
		inc = stored + 1
	elseif stored > inc then
		return {'FENCED', stored}
	end
	redis.call('SET', keys[1], args[1])
	redis.call('HSET', keys[2], 'partitions', args[2])
	redis.call('SADD', keys[3], args[3])
	redis.call('HSET', keys[4], 'inc', inc, 'state', 'up')
	return {'OK', inc, now_ms()}
end

-- {cfg}:node:<n> | incarnation, name, value, ... -> OK beat; FENCED: a younger process is there
local function n_beat(keys, args)
	local stored = tonumber(redis.call('HGET', keys[1], 'inc')) or 0
	if stored > tonumber(args[1]) then
		return {'FENCED', stored}
	end
	redis.call('HSET', keys[1], 'inc', args[1], 'seen', text(now_ms()), unpack(args, 2))
	return {'OK', redis.call('HINCRBY', keys[1], 'beat', 1)}
end

-- CDR stream ------------------------------------------------------------------------------------

local function id_less(a, b)
	local am, as = a:match('^(%d+)-(%d+)$')
	local bm, bs = b:match('^(%d+)-(%d+)$')
	am, as, bm, bs = tonumber(am), tonumber(as), tonumber(bm), tonumber(bs)
	return am < bm or am == bm and as < bs
end

-- cdr | group, entries to keep, ids ... -> OK entries left. Acknowledges what is safely in a file,
-- and trims from the old end: never what is pending or was not read yet.
local function cdr_ack(keys, args)
	if #args > 2 then
		redis.call('XACK', keys[1], args[1], unpack(args, 3))
	end
	local len = redis.call('XLEN', keys[1])
	local surplus = math.min(len - tonumber(args[2]), 1000)
	if surplus <= 0 then
		return {'OK', len}
	end
	local old = redis.call('XRANGE', keys[1], '-', '+', 'COUNT', surplus + 1)
	local first = old[#old][1] -- the first to be kept
	local pending = redis.call('XPENDING', keys[1], args[1])
	if pending[1] > 0 and id_less(pending[2], first) then
		first = pending[2]
	end
	for _, group in ipairs(redis.call('XINFO', 'GROUPS', keys[1])) do
		local read
		for i = 1, #group - 1, 2 do
			if group[i] == 'last-delivered-id' then
				read = group[i + 1]
			end
		end
		if id_less(read, first) then
			first = read
		end
	end
	redis.call('XTRIM', keys[1], 'MINID', first)
	return {'OK', redis.call('XLEN', keys[1])}
end

local function register(name, callback, ...)
	redis.register_function{function_name = name, callback = callback, flags = {...}}
end

-- What frees memory, keeps a lease or ends a call must work when Redis is full.
register('p_take', p_take, 'allow-oom')
register('p_renew', p_renew, 'allow-oom')
register('p_give', p_give, 'allow-oom')
register('c_new', c_new)
register('c_commit', c_commit)
register('c_reassert', c_reassert)
register('c_end', c_end, 'allow-oom')
register('c_done', c_done, 'allow-oom')
register('c_drop', c_drop, 'allow-oom')
register('c_fact', c_fact, 'allow-oom')
register('c_read', c_read, 'no-writes')
register('b_set', b_set)
register('b_del', b_del, 'allow-oom')
register('n_join', n_join)
register('n_beat', n_beat, 'allow-oom')
register('cdr_ack', cdr_ack, 'allow-oom')
