-- SPDX-License-Identifier: BSD-3-Clause
-- Bindings: keys are lease, binding, reg, regdue.

local function binding_del(keys, bid, member)
	redis.call('DEL', keys[2])
	redis.call('SREM', keys[3], bid)
	redis.call('ZREM', keys[4], member)
end

-- tok, bid, regdue member, ttl ms, pairs -> OK seq. Replaces the binding.
local function b_set(keys, args)
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
	binding_del(keys, args[2], args[3])
	return {'OK', next_seq(keys[1])}
end

register_owned('b_set', b_set)
register_owned('b_del', b_del, 'allow-oom')
