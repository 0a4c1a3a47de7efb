/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/ctl/frame.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#define ETHER     14
#define TYPE_VLAN 0x8100
#define TYPE_IP4  0x0800
#define TYPE_IP6  0x86dd
#define VLAN      4
#define IP4       20
#define IP6       40
#define UDP       8

static uint16_t frame_u16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static int frame_udp(struct frame_view *view, const uint8_t *udp, size_t len)
{
	size_t total;

	if (len < UDP)
		return -EINVAL;
	total = frame_u16(udp + 4);
	if (total < UDP)
		return -EINVAL;
	view->src.port = frame_u16(udp);
	view->dst.port = frame_u16(udp + 2);
	view->payload = udp + UDP;
	/* Short frames are padded, long ones cut. */
	view->len = (total < len ? total : len) - UDP;
	return 0;
}

static int frame_ip4(struct frame_view *view, const uint8_t *ip, size_t len)
{
	size_t header;

	if (len < IP4)
		return -EINVAL;
	header = (size_t)(ip[0] & 15) * 4;
	if (ip[0] >> 4 != 4 || header < IP4 || header > len || ip[9] != IPPROTO_UDP ||
		frame_u16(ip + 6) & 0x1fff)
		return -EINVAL;
	view->src.family = view->dst.family = ADDR_IPV4;
	memcpy(view->src.ip, ip + 12, 4);
	memcpy(view->dst.ip, ip + 16, 4);
	return frame_udp(view, ip + header, len - header);
}

static int frame_ip6(struct frame_view *view, const uint8_t *ip, size_t len)
{
	if (len < IP6 || ip[0] >> 4 != 6 || ip[6] != IPPROTO_UDP)
		return -EINVAL;
	view->src.family = view->dst.family = ADDR_IPV6;
	memcpy(view->src.ip, ip + 8, 16);
	memcpy(view->dst.ip, ip + 24, 16);
	return frame_udp(view, ip + IP6, len - IP6);
}

int frame_look(struct frame_view *view, const uint8_t *data, size_t len)
{
	size_t at = ETHER;
	uint16_t type;

	*view = (struct frame_view){0};
	if (len < ETHER)
		return -EINVAL;
	type = frame_u16(data + ETHER - 2);
	if (type == TYPE_VLAN && len >= ETHER + VLAN) {
		at += VLAN;
		type = frame_u16(data + at - 2);
	}
	if (type == TYPE_IP4)
		return frame_ip4(view, data + at, len - at);
	return type == TYPE_IP6 ? frame_ip6(view, data + at, len - at) : -EINVAL;
}

static int frame_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int frame_unhex(uint8_t *out, size_t room, const char *text)
{
	size_t n = 0;

	for (; text[0] && n < room; text += 2, n++) {
		int high = frame_digit(text[0]), low = high < 0 ? -1 : frame_digit(text[1]);

		if (low < 0)
			return -EINVAL;
		out[n] = (uint8_t)(high << 4 | low);
	}
	return text[0] ? -EINVAL : (int)n;
}
