-- SPDX-License-Identifier: BSD-3-Clause
-- The stream of call records.

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

register('cdr_ack', cdr_ack, 'allow-oom')
