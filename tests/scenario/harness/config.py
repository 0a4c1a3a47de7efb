# SPDX-License-Identifier: BSD-3-Clause
"""The node's YAML file, from nested dicts."""

import json

from . import topology as net

DOMAIN = "example.net"


def default(folder, sockets):
    """What every scene starts from: the product's floors, so that a scene lasts minutes."""
    return {
        "node": {
            "name": "n01",
            "service_address": net.NODE,
            "media_ports": "20000-20999",
            "control_socket": sockets + "/cp.sock",
            "cdr_file": folder + "/cdr.jsonl",
        },
        "dataplane": {
            "socket": sockets + "/dp.sock",
            "ports": ["af_packet:eth1"],
            "host_interface": "lw0",
            "workers": 1,
            "bindings": 4096,
            "flows": 4096,
            "memory": 128,
        },
        "redis": {"address": "127.0.0.1:6379", "proof_interval": 1},
        "session": {
            "SS_SIP_SESSION_TTL": 90,
            "SS_SIP_SESSION_UPDATE_SEGMENT": 2,
            "SS_SIP_NO_TIMER_REINVITE_INTERVAL": 60,
        },
        "keepalive": {
            "SS_SIP_NAT_KEEP_ALIVE_MESSAGE": "HELLO",
            "SS_SIP_NAT_KEEP_ALIVE_PERIOD": 10,
        },
        "media": {"media_timeout": 20, "media_start_timeout": 20, "probe_timeout": 4},
        # SIPp knows MD5 only, and reads only the first challenge.
        "sip": {"domains": [DOMAIN], "register_expires_min": 5, "md5_only": True},
        "users": [{"name": "bob", "password": "secret"},
                  {"name": "carol", "password": "secret"}],
        "trunks": [
            {"name": "carrier", "address": net.CARRIER + ":5060", "prefixes": ["00"]},
            {"name": "far", "address": net.FAR + ":5060", "prefixes": ["+"]},
        ],
    }


def merge(base, change):
    """The base with the change laid over it; lists are replaced, None removes a key."""
    merged = dict(base)
    for key, value in change.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = merge(merged[key], value)
        else:
            merged[key] = value
    return merged


def yaml(tree, depth=0):
    """Block style for what people read as blocks, flow style (JSON) for the leaves."""
    pad = "  " * depth
    lines = []
    for key, value in tree.items():
        if isinstance(value, dict):
            lines.append("%s%s:\n%s" % (pad, key, yaml(value, depth + 1)))
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            lines.append("%s%s:" % (pad, key))
            lines += ["%s  - %s" % (pad, json.dumps(item)) for item in value]
        else:
            lines.append("%s%s: %s" % (pad, key, json.dumps(value)))
    return "\n".join(lines)
