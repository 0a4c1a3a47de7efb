/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/ops/portreset.h"

#include "controlplane/loop.h"
#include "controlplane/media/dpport.h"

#include <errno.h>
#include <string.h>

static const char *why(int err)
{
	switch (err) {
	case -ENOENT:
		return "the data plane has no port of that name (linewatchctl status lists them)";
	case -EBUSY:
		return "it is out of service already";
	case -EOPNOTSUPP:
		return "the NIC below af_xdp is the kernel's: ip link set it down and up instead";
	case -EALREADY:
		return "another order is under way: try again";
	case -ENOTCONN:
		return "the data plane is not there";
	case -EINVAL:
		return "a port is named by what dataplane.ports says up to a comma";
	default:
		return strerror(-err);
	}
}

static void on_done(void *arg, int err)
{
	struct ctlserver_request *request = arg;

	if (err)
		ctlserver_fail(request, "not reset: %s", why(err));
	else
		ctlserver_reply(
			request, json_pack("{ss}", "begun", "linewatchctl status shows the port"));
}

void portreset_command(void *arg, struct ctlserver_request *request, const json_t *args)
{
	struct loop *loop = arg;
	const char *name = json_string_value(json_object_get(args, "port"));
	int err = -ENOTCONN;

	if (!name)
		err = -EINVAL;
	else if (loop->calls.dp)
		err = dpport_reset(loop->calls.dp, name, on_done, request);
	if (err)
		on_done(request, err);
}
