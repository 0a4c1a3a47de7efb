-- SPDX-License-Identifier: BSD-3-Clause
-- Nodes of the cluster.

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

register('n_join', n_join)
register('n_beat', n_beat, 'allow-oom')
