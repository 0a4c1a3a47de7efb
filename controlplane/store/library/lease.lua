-- SPDX-License-Identifier: BSD-3-Clause
-- The lease of a partition.

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
	redis.call('HSET', keys[1], 'node', '', 'tok', '', 'since', text(now_ms()))
	return {'OK', next_seq(keys[1])}
end

register('p_take', p_take, 'allow-oom')
register('p_renew', p_renew, 'allow-oom')
register_owned('p_give', p_give, 'allow-oom')
