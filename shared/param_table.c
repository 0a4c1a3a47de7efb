/* SPDX-License-Identifier: BSD-3-Clause */
#include "shared/conf.h"
#include "shared/param.h"
#include "shared/proto.h"

#define AT_NODE(f)      .section = PARAM_NODE, .offset = offsetof(struct conf_node, f)
#define AT_DATAPLANE(f) .section = PARAM_DATAPLANE, .offset = offsetof(struct conf_dataplane, f)
#define AT_REDIS(f)     .section = PARAM_REDIS, .offset = offsetof(struct conf_redis, f)
#define AT_SESSION(f)   .section = PARAM_SESSION, .offset = offsetof(struct conf_session, f)
#define AT_KEEPALIVE(f) .section = PARAM_KEEPALIVE, .offset = offsetof(struct conf_keepalive, f)
#define AT_MEDIA(f)     .section = PARAM_MEDIA, .offset = offsetof(struct conf_media, f)
#define AT_SIP(f)       .section = PARAM_SIP, .offset = offsetof(struct conf_sip, f)
#define AT_TOP(f)       .section = PARAM_TOP, .offset = offsetof(struct conf, f)
#define AT_USER(f)      .section = PARAM_USER, .offset = offsetof(struct conf_user, f)
#define AT_CLASS(f)     .section = PARAM_CLASS, .offset = offsetof(struct conf_class, f)
#define AT_TRUNK(f)     .section = PARAM_TRUNK, .offset = offsetof(struct conf_trunk, f)

/* A Unix socket is made under a longer name and then moved into its place. */
#define SOCKET_NAME_MAX (CONF_PATH_MAX - 1 - 12)

#define LIVE       PARAM_RELOAD
#define LIVE_TRUNK (PARAM_RELOAD | PARAM_PER_TRUNK)

static const char *const log_words[] = {"error", "warning", "notice", "info", "debug", NULL};
static const char *const preset_words[] = {
	"standard", "call-center", "wholesale", "mobile-unstable", NULL};
static const char *const probe_words[] = {"off", "options", "refresh", NULL};
static const char *const keepalive_words[] = {"burst", "smooth", NULL};
static const char *const payload_words[] = {"text", "zero", "stun", "options", NULL};
static const char *const monitor_words[] = {"off", "inline", "mirror", NULL};
static const char *const media_words[] = {"relay", "monitor", "none", NULL};

/* clang-format off */
const struct param param_table[] = {
	/* node */
	{AT_NODE(name), .name = "name", .type = PARAM_TEXT, .value = "n01",
	 .min = 1, .max = IDS_NODE_MAX - 1,
	 .help = "Name of this node: letters and digits. It is part of every call id."},
	{AT_NODE(service), .name = "service_address", .type = PARAM_IP, .flags = PARAM_REQUIRED,
	 .help = "Address of Contact and Via: where phones and trunks reach linewatch."},
	{AT_NODE(sip_port), .name = "sip_port", .type = PARAM_INT, .value = "5060",
	 .min = 1, .max = 65535, .unit = "",
	 .help = "UDP port of SIP."},
	{AT_NODE(address), .name = "node_address", .type = PARAM_ADDR, .derived = "service_address",
	 .help = "Address between nodes; the port is sip_port unless it is given."},
	{AT_NODE(media), .name = "media_addresses", .type = PARAM_IP_LIST,
	 .derived = "[service_address]",
	 .help = "Addresses of RTP and RTCP in SDP."},
	{AT_NODE(media_port_min), .name = "media_ports", .type = PARAM_PORTS,
	 .value = "20000-29999", .min = 1024, .max = 65535,
	 .help = "RTP ports of each media address; each stream takes two. A change wants "
		 "linewatch-dp restarted, too."},
	{AT_NODE(control_socket), .name = "control_socket", .type = PARAM_TEXT,
	 .value = "/run/linewatch/cp.sock", .min = 1, .max = SOCKET_NAME_MAX,
	 .help = "Unix socket of linewatchctl."},
	{AT_NODE(cdr_file), .name = "cdr_file", .type = PARAM_TEXT,
	 .value = "/var/log/linewatch/cdr.jsonl", .min = 1, .max = 255,
	 .help = "File of the call records, one JSON object a line."},
	{AT_NODE(log_level), .name = "log_level", .type = PARAM_ENUM, .flags = LIVE,
	 .value = "info", .words = log_words,
	 .help = "Least important line that is logged."},

	/* dataplane */
	{AT_DATAPLANE(socket), .name = "socket", .type = PARAM_TEXT,
	 .value = "/run/linewatch/dp.sock", .min = 1, .max = SOCKET_NAME_MAX,
	 .help = "Unix socket of the control protocol between the two programs."},
	{AT_DATAPLANE(ports), .name = "ports", .type = PARAM_TEXT_LIST, .min = 1, .max = 255,
	 .help = "DPDK ports: af_packet:IF, af_xdp:IF, tap:NAME, a PCI address such as "
		 "0000:03:00.0, vdev:DEVICE with its arguments, or a bond of such: "
		 "bond:active-backup:MEMBER+MEMBER, bond:802.3ad:MEMBER+MEMBER."},
	{AT_DATAPLANE(host_interface), .name = "host_interface", .type = PARAM_TEXT,
	 .value = "lw0", .min = 1, .max = 15,
	 .help = "Kernel network device that receives what is not relayed."},
	{AT_DATAPLANE(workers), .name = "workers", .type = PARAM_INT, .value = "1",
	 .min = 1, .max = 64, .unit = "",
	 .help = "Packet threads, each with a core of its own."},
	{AT_DATAPLANE(clients), .name = "clients", .type = PARAM_INT, .value = "1",
	 .min = 1, .max = PROTO_SLOTS, .unit = "",
	 .help = "Control-plane loops it serves; each gets an equal share of the bindings."},
	{AT_DATAPLANE(bindings), .name = "bindings", .type = PARAM_INT, .value = "65536",
	 .min = 1, .max = 100000000, .unit = "",
	 .help = "Most bindings that get keep-alives."},
	{AT_DATAPLANE(flows), .name = "flows", .type = PARAM_INT, .value = "16384",
	 .min = 2, .max = 16777216, .unit = "",
	 .help = "Most RTP port slots; a relayed call takes two."},
	{AT_DATAPLANE(memory_mb), .name = "memory", .type = PARAM_INT, .value = "256",
	 .min = 64, .max = 1048576, .unit = "MB",
	 .help = "Memory of packet buffers and tables."},
	{AT_DATAPLANE(hugepages), .name = "hugepages", .type = PARAM_BOOL, .value = "false",
	 .help = "Take the memory from huge pages."},
	{AT_DATAPLANE(mtu), .name = "mtu", .type = PARAM_INT, .value = "0",
	 .flags = PARAM_ZERO_OFF, .min = 1280, .max = 9216, .unit = "bytes",
	 .help = "Longest IP packet on every port and host interface; 0 leaves it as the devices "
		 "have it. Packet buffers are as large as it asks for: long ones want more memory."},
	{AT_DATAPLANE(idle_sleep_us), .name = "idle_sleep", .type = PARAM_INT, .value = "900",
	 .flags = PARAM_ZERO_OFF, .min = 1, .max = 10000, .unit = "us",
	 .help = "Longest sleep of a worker with little to do, and thus the longest wait of a "
		 "packet; 0 keeps its core spinning."},
	{AT_DATAPLANE(rx_interrupts), .name = "rx_interrupts", .type = PARAM_BOOL,
	 .value = "false",
	 .help = "A worker that finds nothing in a whole idle_sleep sleeps until a port of its "
		 "own interrupts it. Where one of its ports has no Rx interrupts, or they do not "
		 "come, a log line says so, and idle_sleep alone holds. idle_sleep: 0 never sleeps."},

	{AT_DATAPLANE(monitor), .name = "monitor", .type = PARAM_ENUM, .value = "off",
	 .words = monitor_words,
	 .help = "How calls with media: monitor are watched. inline: linewatch is a bump in the "
		 "wire, all that comes in by one of two monitor_ports leaves by the other. mirror: "
		 "monitor_ports receive copies (SPAN) and send nothing."},
	{AT_DATAPLANE(monitor_ports), .name = "monitor_ports", .type = PARAM_TEXT_LIST,
	 .min = 1, .max = 255,
	 .help = "DPDK ports in words as those of ports, but not bond:802.3ad: two for inline, "
		 "one or more for mirror. The kernel gets nothing of them."},
	{AT_DATAPLANE(monitor_link), .name = "monitor_link", .type = PARAM_BOOL, .value = "true",
	 .help = "Inline, when one of monitor_ports loses its link, the other's is taken down as "
		 "well, and given back when the first has its own again: the neighbours see one "
		 "cable. A driver that cannot do that is named in the log."},
	{AT_DATAPLANE(monitors), .name = "monitors", .type = PARAM_INT, .value = "16384",
	 .min = 2, .max = 16777216, .unit = "",
	 .help = "Most streams that are watched by monitor_ports; a call takes two."},

	/* redis */
	{AT_REDIS(address), .name = "address", .type = PARAM_ADDR, .value = "127.0.0.1:6379",
	 .min = 6379,
	 .help = "Address of Redis, numeric."},
	{AT_REDIS(user), .name = "user", .type = PARAM_TEXT, .value = "",
	 .max = CONF_NAME_MAX - 1,
	 .help = "ACL user; empty: the default user."},
	{AT_REDIS(password), .name = "password", .type = PARAM_TEXT, .value = "",
	 .flags = PARAM_SECRET, .max = 127,
	 .help = "Password of that user; empty: none."},
	{AT_REDIS(journal), .name = "journal", .type = PARAM_INT, .flags = LIVE, .value = "10000",
	 .min = 100, .max = 10000000, .unit = "entries",
	 .help = "Writes kept while Redis is away. When it is full, new calls get 503."},
	{AT_REDIS(proof_interval_s), .name = "proof_interval", .type = PARAM_INT, .flags = LIVE,
	 .value = "60", .min = 1, .max = 3600, .unit = "s",
	 .help = "Shortest time between two writes of the proofs of life of a call."},

	/* session */
	{AT_SESSION(preset), .name = "preset", .type = PARAM_ENUM, .flags = LIVE_TRUNK,
	 .value = "standard", .words = preset_words,
	 .help = "Sets the interval, the no-timer limit and the keep-alive period together; "
		 "each can still be set by itself."},
	{AT_SESSION(ttl_s), .name = "SS_SIP_SESSION_TTL", .type = PARAM_INT, .flags = LIVE_TRUNK,
	 .value = "600", .min = 90, .max = 86400, .unit = "s",
	 .help = "Interval within which a call must be confirmed alive; offered as "
		 "Session-Expires. Busy wholesale routes 300-600, unstable networks 180-300, "
		 "premium routes 900-1800."},
	{AT_SESSION(segment), .name = "SS_SIP_SESSION_UPDATE_SEGMENT", .type = PARAM_INT,
	 .flags = LIVE_TRUNK, .value = "2", .min = 2, .max = 10, .unit = "",
	 .help = "Refreshes are attempted every interval / segment: 600/2 = 300 s, 600/3 = 200 s, "
		 "600/5 = 120 s, 600/8 = 75 s. More segments mean more signalling."},
	{AT_SESSION(early_hangup_s), .name = "SS_SIP_SESSION_TIMEOUT_EARLY_HANGUP",
	 .type = PARAM_INT, .flags = LIVE_TRUNK, .value = "0", .min = 0, .max = 300,
	 .warn_above = 30, .unit = "s",
	 .help = "0: hang up at once when the interval ends unconfirmed. N: one more attempt, "
		 "counted for N seconds, then hang up. 0 for immediate clean-up, 5-10 on lossy "
		 "networks; more than 30 prolongs the bills of dead calls."},
	{AT_SESSION(no_timer_limit_s), .name = "SS_SIP_NO_TIMER_REINVITE_INTERVAL",
	 .type = PARAM_INT, .flags = LIVE_TRUNK | PARAM_ZERO_OFF, .value = "7200",
	 .min = 60, .max = 604800, .unit = "s",
	 .help = "Longest call of which either party lacks session timers. 3600 wholesale, 1800 "
		 "premium, 900 for most protection."},
	{AT_SESSION(max_call_duration_s), .name = "max_call_duration", .type = PARAM_INT,
	 .flags = LIVE_TRUNK | PARAM_ZERO_OFF, .value = "0", .min = 60, .max = 604800, .unit = "s",
	 .help = "Longest duration of any call."},
	{AT_SESSION(min_se_s), .name = "min_se", .type = PARAM_INT, .flags = LIVE_TRUNK,
	 .value = "90", .min = 90, .max = 7200, .unit = "s",
	 .help = "Our Min-SE; a smaller Session-Expires gets 422. At most the interval."},
	{AT_SESSION(no_timer_probe), .name = "no_timer_probe", .type = PARAM_ENUM,
	 .flags = LIVE_TRUNK, .value = "options", .words = probe_words,
	 .help = "What a party without session timers gets: nothing, an OPTIONS after media "
		 "silence, or refreshes as if it had them."},

	/* The largest interval is the smallest period: SEND_INTERVAL is at most PERIOD, always. */
	{AT_KEEPALIVE(message), .name = "SS_SIP_NAT_KEEP_ALIVE_MESSAGE", .type = PARAM_BYTES,
	 .flags = LIVE, .value = "HELLO", .max = CONF_MESSAGE_MAX, .unit = "bytes",
	 .help = "Payload of a keep-alive. Escapes: \\r \\n \\t \\0 \\\\ \\xNN. Empty turns "
		 "keep-alives off. Linphone wants a line end (HELLO\\r\\n): it glues other text "
		 "to the message after it, and refuses that."},
	{AT_KEEPALIVE(period_s), .name = "SS_SIP_NAT_KEEP_ALIVE_PERIOD", .type = PARAM_INT,
	 .flags = LIVE, .value = "30", .min = 10, .max = 86400, .unit = "s",
	 .help = "Every binding gets one message each period."},
	{AT_KEEPALIVE(send_interval_ms), .name = "SS_SIP_NAT_KEEP_ALIVE_SEND_INTERVAL",
	 .type = PARAM_INT, .flags = LIVE, .value = "500", .min = 10, .max = 10000, .unit = "ms",
	 .help = "Time between two batches."},
	{AT_KEEPALIVE(send_one_time), .name = "SS_SIP_NAT_KEEP_ALIVE_SEND_ONE_TIME",
	 .type = PARAM_INT_AUTO, .flags = LIVE, .value = "auto", .min = 1, .max = 1000000,
	 .unit = "messages",
	 .help = "Messages in one batch. auto: 3000, and more as the number of bindings needs. "
		 "With a number, linewatch says when the period cannot be kept."},
	{AT_KEEPALIVE(mode), .name = "mode", .type = PARAM_ENUM, .flags = LIVE, .value = "burst",
	 .words = keepalive_words,
	 .help = "burst sends a batch back to back, smooth spreads it over its interval."},
	{AT_KEEPALIVE(payload), .name = "payload", .type = PARAM_ENUM, .flags = LIVE,
	 .value = "text", .words = payload_words,
	 .help = "What a keep-alive is: the message, four zero bytes, a STUN Binding request or a "
		 "SIP OPTIONS. The last two draw an answer, which also refreshes NATs that heed "
		 "only packets from inside."},
	{AT_KEEPALIVE(missed), .name = "missed", .type = PARAM_INT, .flags = LIVE | PARAM_ZERO_OFF,
	 .value = "3", .min = 1, .max = 10, .unit = "",
	 .help = "Keep-alives in a row without an answer after which a device is unreachable and "
		 "gets no calls, until it is heard again. Only of payloads that draw answers."},
	{AT_KEEPALIVE(escalate), .name = "escalate", .type = PARAM_INT,
	 .flags = LIVE | PARAM_ZERO_OFF, .value = "0", .min = 1, .max = 100, .unit = "messages",
	 .help = "A device that was not heard since its registration gets OPTIONS after so many "
		 "keep-alives that draw no answer."},
	{AT_KEEPALIVE(skip_heard), .name = "skip_heard", .type = PARAM_BOOL, .flags = LIVE,
	 .value = "false",
	 .help = "A device that was heard gets its next keep-alive a period after that, not in its "
		 "turn: what it sent has passed its NAT from inside, which refreshes every NAT. Off "
		 "by default, since who can forge a device's source address could keep it from "
		 "getting any."},
	{AT_KEEPALIVE(per_address_cap), .name = "per_address_cap", .type = PARAM_INT,
	 .flags = LIVE | PARAM_ZERO_OFF, .value = "0", .min = 1, .max = 65535, .unit = "messages/s",
	 .help = "Most keep-alives that one IP address gets in any second (each worker has its "
		 "share, at least 1), half of them at once and about half of them in the long run. "
		 "What is above waits for a batch after, and keeps that place; the period is not "
		 "kept then."},

	/* media */
	{AT_MEDIA(mode), .name = "mode", .type = PARAM_ENUM, .flags = LIVE, .value = "relay",
	 .words = media_words,
	 .help = "Media of registered devices and of trunks that do not say: through the data "
		 "plane, watched only as it passes by dataplane.monitor_ports, or not touched. "
		 "With monitor and none the parties' addresses pass as they are."},
	{AT_MEDIA(timeout_s), .name = "media_timeout", .type = PARAM_INT,
	 .flags = LIVE_TRUNK | PARAM_ZERO_OFF, .value = "60", .min = 20, .max = 300, .unit = "s",
	 .help = "Silence after which a party is probed."},
	{AT_MEDIA(start_timeout_s), .name = "media_start_timeout", .type = PARAM_INT,
	 .flags = LIVE_TRUNK | PARAM_ZERO_OFF, .value = "60", .min = 10, .max = 300, .unit = "s",
	 .help = "The same for a party that never sent a packet, counted from ACK."},
	{AT_MEDIA(hold_timeout_s), .name = "media_hold_timeout", .type = PARAM_INT,
	 .flags = LIVE_TRUNK | PARAM_ZERO_OFF, .value = "1800", .min = 60, .max = 86400,
	 .unit = "s",
	 .help = "Longest hold without any packet."},
	{AT_MEDIA(dtx_timeout_s), .name = "media_dtx_timeout", .type = PARAM_INT,
	 .flags = LIVE_TRUNK | PARAM_ZERO_OFF, .value = "300", .min = 20, .max = 3600, .unit = "s",
	 .help = "Silence of a party that uses comfort noise or DTX and never sent RTCP."},
	{AT_MEDIA(hard_timeout_s), .name = "media_hard_timeout", .type = PARAM_INT,
	 .flags = LIVE_TRUNK, .value = "300", .min = 20, .max = 86400, .unit = "s",
	 .help = "Silence that ends a call although the party answered the probe. At least "
		 "media_timeout."},
	{AT_MEDIA(probe_timeout_s), .name = "probe_timeout", .type = PARAM_INT,
	 .flags = LIVE_TRUNK, .value = "8", .min = 2, .max = 32, .unit = "s",
	 .help = "Time within which the probe of a silent party must be answered."},
	{AT_MEDIA(dscp), .name = "dscp", .type = PARAM_INT_KEEP, .flags = LIVE_TRUNK,
	 .value = "keep", .min = 0, .max = CONF_DSCP_KEEP - 1,
	 .help = "DSCP of relayed RTP and RTCP towards the party (46: expedited forwarding). keep "
		 "leaves each packet's own; congestion marks always stay."},
	{AT_MEDIA(keepalive_s), .name = "rtp_keepalive", .type = PARAM_INT,
	 .flags = LIVE_TRUNK | PARAM_ZERO_OFF, .value = "15", .min = 15, .max = 255, .unit = "s",
	 .help = "A party to which no media was relayed for so long, on hold for instance, gets a "
		 "packet that keeps its NAT mapping (RFC 6263, which allows no less than 15 s; "
		 "some NATs forget after 20 to 30 s)."},

	/* sip */
	{AT_SIP(domains), .name = "domains", .type = PARAM_TEXT_LIST, .min = 1, .max = 255,
	 .help = "Domains of our devices, besides the service address."},
	{AT_SIP(realm), .name = "realm", .type = PARAM_NAME, .max = CONF_NAME_MAX - 1,
	 .derived = "first domain, else service_address",
	 .help = "Realm of the digest."},
	{AT_SIP(open_registrar), .name = "open_registrar", .type = PARAM_BOOL, .value = "false",
	 .help = "Accept registrations without a password when `users` is empty."},
	{AT_SIP(md5_only), .name = "md5_only", .type = PARAM_BOOL, .value = "false",
	 .help = "Challenge with MD5 alone, for phones that read only the first challenge, "
		 "such as baresip 1.0."},
	{AT_SIP(max_message), .name = "max_message", .type = PARAM_INT, .flags = LIVE,
	 .value = "8192", .min = 1500, .max = 65535, .unit = "bytes",
	 .help = "Longest SIP message."},
	{AT_SIP(max_line), .name = "max_line", .type = PARAM_INT, .flags = LIVE, .value = "2048",
	 .min = 256, .max = 16384, .unit = "bytes",
	 .help = "Longest header line."},
	{AT_SIP(max_headers), .name = "max_headers", .type = PARAM_INT, .flags = LIVE,
	 .value = "256", .min = 32, .max = 1024, .unit = "lines",
	 .help = "Most header lines of a message."},
	{AT_SIP(max_params), .name = "max_params", .type = PARAM_INT, .flags = LIVE,
	 .value = "64", .min = 16, .max = 256, .unit = "",
	 .help = "Most parameters in one header line."},
	{AT_SIP(max_calls), .name = "max_calls", .type = PARAM_INT, .flags = LIVE,
	 .value = "100000", .min = 1, .max = 10000000, .unit = "calls",
	 .help = "Most calls at a time; beyond it 503."},
	{AT_SIP(max_bindings_per_aor), .name = "max_bindings_per_aor", .type = PARAM_INT,
	 .flags = LIVE, .value = "10", .min = 1, .max = 100, .unit = "bindings",
	 .help = "Most devices of one address of record. A call rings up to ten of them at once."},
	{AT_SIP(register_expires_min_s), .name = "register_expires_min", .type = PARAM_INT,
	 .flags = LIVE, .value = "60", .min = 5, .max = 3600, .unit = "s",
	 .help = "A shorter registration gets 423."},
	{AT_SIP(register_expires_max_s), .name = "register_expires_max", .type = PARAM_INT,
	 .flags = LIVE, .value = "3600", .min = 5, .max = 86400, .unit = "s",
	 .help = "A longer registration is shortened to this."},
	{AT_SIP(register_expires_default_s), .name = "register_expires_default",
	 .type = PARAM_INT, .flags = LIVE, .value = "600", .min = 5, .max = 86400, .unit = "s",
	 .help = "Duration of a registration that does not say."},
	{AT_SIP(register_rate), .name = "register_rate", .type = PARAM_INT,
	 .flags = LIVE | PARAM_ZERO_OFF, .value = "1000", .min = 1, .max = 1000000,
	 .unit = "a second",
	 .help = "REGISTER requests accepted; beyond it 503. 0: no limit."},
	{AT_SIP(ring_timeout_s), .name = "ring_timeout", .type = PARAM_INT, .flags = LIVE,
	 .value = "180", .min = 5, .max = 180, .unit = "s",
	 .help = "Longest time a call may ring; the caller's Expires may end it before."},
	{AT_SIP(nonce_lifetime_s), .name = "nonce_lifetime", .type = PARAM_INT, .flags = LIVE,
	 .value = "300", .min = 10, .max = 300, .unit = "s",
	 .help = "Age at which a digest challenge is stale."},

	/* top of the file */
	{AT_TOP(bindings), .name = "bindings", .type = PARAM_ADDR_LIST, .flags = LIVE, .min = 5060,
	 .help = "Devices that never register and get keep-alives all the same."},

	/* one entry of `users` */
	{AT_USER(name), .name = "name", .type = PARAM_TEXT, .flags = LIVE | PARAM_REQUIRED,
	 .min = 1, .max = CONF_NAME_MAX - 1,
	 .help = "User name of the digest, and user part of the address of record."},
	{AT_USER(password), .name = "password", .type = PARAM_TEXT,
	 .flags = LIVE | PARAM_REQUIRED | PARAM_SECRET, .min = 1, .max = CONF_NAME_MAX - 1,
	 .help = "Password of the digest."},

	/* one entry of `trunks` */
	{AT_TRUNK(name), .name = "name", .type = PARAM_NAME, .flags = PARAM_REQUIRED,
	 .min = 1, .max = CONF_NAME_MAX - 1,
	 .help = "Name of the trunk in records and logs."},
	{AT_TRUNK(address), .name = "address", .type = PARAM_ADDR, .flags = PARAM_REQUIRED,
	 .min = 5060,
	 .help = "Where calls go out; requests from this IP are the trunk's."},
	{AT_TRUNK(prefixes), .name = "prefixes", .type = PARAM_TEXT_LIST, .min = 0, .max = 32,
	 .help = "Numbers that go out here; the longest prefix of all trunks wins, \"\" takes "
		 "what is left."},
	{AT_TRUNK(user), .name = "user", .type = PARAM_TEXT, .value = "",
	 .max = CONF_NAME_MAX - 1,
	 .help = "User name for a trunk that challenges our requests (401, 407); empty: its "
		 "challenge is a refusal. With password and realm."},
	{AT_TRUNK(password), .name = "password", .type = PARAM_TEXT, .value = "",
	 .flags = PARAM_SECRET, .max = CONF_NAME_MAX - 1,
	 .help = "Password of that user."},
	{AT_TRUNK(realm), .name = "realm", .type = PARAM_TEXT, .value = "",
	 .max = CONF_NAME_MAX - 1,
	 .help = "Realm in the trunk's challenge; credentials are shown to no other."},
	{AT_TRUNK(media.mode), .name = "media", .type = PARAM_ENUM, .words = media_words,
	 .derived = "media.mode",
	 .help = "Media of calls of this trunk."},

	/* one entry of `keepalive_classes` */
	{AT_CLASS(name), .name = "name", .type = PARAM_NAME, .flags = PARAM_REQUIRED,
	 .min = 1, .max = CONF_NAME_MAX - 1,
	 .help = "Name of the class."},
	{AT_CLASS(user_agents), .name = "user_agents", .type = PARAM_TEXT_LIST,
	 .flags = PARAM_REQUIRED, .min = 1, .max = 128,
	 .help = "How the User-Agent of a REGISTER begins, letters of either case. The first "
		 "class that fits is taken."},
	{AT_CLASS(payload), .name = "payload", .type = PARAM_ENUM, .words = payload_words,
	 .derived = "keepalive.payload",
	 .help = "What these devices get."},
	{AT_CLASS(message), .name = "message", .type = PARAM_BYTES, .max = CONF_MESSAGE_MAX,
	 .unit = "bytes", .derived = "that of keepalive",
	 .help = "The payload of text. Empty turns keep-alives of this class off."},
	{AT_CLASS(missed), .name = "missed", .type = PARAM_INT, .flags = PARAM_ZERO_OFF,
	 .min = 1, .max = 10, .unit = "", .derived = "keepalive.missed",
	 .help = "As in keepalive."},
};
/* clang-format on */

const size_t param_count = sizeof(param_table) / sizeof(param_table[0]);

const char *param_section_name(enum param_section section)
{
	static const char *const names[PARAM_SECTIONS] = {
		[PARAM_NODE] = "node",
		[PARAM_DATAPLANE] = "dataplane",
		[PARAM_REDIS] = "redis",
		[PARAM_SESSION] = "session",
		[PARAM_KEEPALIVE] = "keepalive",
		[PARAM_MEDIA] = "media",
		[PARAM_SIP] = "sip",
		[PARAM_TOP] = "",
		[PARAM_USER] = "users",
		[PARAM_TRUNK] = "trunks",
		[PARAM_CLASS] = "keepalive_classes",
	};

	return names[section];
}
