/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/component/frame.h"

#include <string.h>

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value);
}

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

/* Internet checksum over two pieces, straight from RFC 1071. */
static uint16_t checksum(const uint8_t *a, unsigned int a_len, const uint8_t *b, unsigned int b_len)
{
	uint32_t sum = 0;

	for (unsigned int i = 0; i < a_len; i++)
		sum += i & 1 ? a[i] : (uint32_t)a[i] << 8;
	for (unsigned int i = 0; i < b_len; i++)
		sum += i & 1 ? b[i] : (uint32_t)b[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static uint16_t checksum_udp(const uint8_t *src, const uint8_t *dst, unsigned int ip_len,
	const uint8_t *udp, uint16_t len)
{
	uint8_t pseudo[40] = {0};

	memcpy(pseudo, src, ip_len);
	memcpy(pseudo + ip_len, dst, ip_len);
	pseudo[2 * ip_len + 1] = 17;
	put16(pseudo + 2 * ip_len + 2, len);
	return checksum(pseudo, 2 * ip_len + 4, udp, len);
}

static uint8_t *write_ip(const struct frame *f, uint8_t *at, uint16_t udp_len)
{
	if (f->src.family == ADDR_IPV4) {
		memset(at, 0, 20);
		at[0] = 0x45;
		at[1] = f->tos;
		put16(at + 2, 20u + udp_len);
		at[8] = f->ttl;
		at[9] = 17;
		memcpy(at + 12, f->src.ip, 4);
		memcpy(at + 16, f->dst.ip, 4);
		put16(at + 10, checksum(at, 20, NULL, 0));
		return at + 20;
	}
	put32(at, 6u << 28 | (uint32_t)f->tos << 20);
	put16(at + 4, udp_len);
	at[6] = 17;
	at[7] = f->ttl;
	memcpy(at + 8, f->src.ip, 16);
	memcpy(at + 24, f->dst.ip, 16);
	return at + 40;
}

uint16_t frame_write(const struct frame *f, uint8_t *out)
{
	uint16_t udp_len = (uint16_t)(8 + f->len), total, sum;
	bool v4 = f->src.family == ADDR_IPV4;
	uint8_t *udp;

	memset(out, 0, 128);
	memcpy(out, f->mac_dst, 6);
	memcpy(out + 6, f->mac_src, 6);
	put16(out + 12, v4 ? 0x0800 : 0x86dd);
	udp = write_ip(f, out + 14, udp_len);
	put16(udp, f->src.port);
	put16(udp + 2, f->dst.port);
	put16(udp + 4, udp_len);
	put16(udp + 6, 0);
	memcpy(udp + 8, f->payload, f->len);
	sum = checksum_udp(f->src.ip, f->dst.ip, v4 ? 4 : 16, udp, udp_len);
	if (!f->no_checksum)
		put16(udp + 6, sum ? sum : 0xffff);
	total = (uint16_t)(udp - out + udp_len);
	return total < 60 ? 60 : total;
}

static const uint8_t *read_ip(struct frame *f, const uint8_t *at, uint16_t len)
{
	bool v4 = f->src.family == ADDR_IPV4;

	if (v4 &&
		(len < 28 || at[0] != 0x45 || at[9] != 17 || get16(at + 2) > len ||
			checksum(at, 20, NULL, 0) != 0))
		return NULL;
	if (!v4 && (len < 48 || at[0] >> 4 != 6 || at[6] != 17 || get16(at + 4) + 40 > len))
		return NULL;
	f->ttl = v4 ? at[8] : at[7];
	f->tos = v4 ? at[1] : (uint8_t)(at[0] << 4 | at[1] >> 4);
	memcpy(f->src.ip, at + (v4 ? 12 : 8), v4 ? 4 : 16);
	memcpy(f->dst.ip, at + (v4 ? 16 : 24), v4 ? 4 : 16);
	return at + (v4 ? 20 : 40);
}

bool frame_read(struct frame *f, const uint8_t *data, uint16_t len)
{
	uint16_t type = get16(data + 12), udp_len;
	const uint8_t *udp;
	uint8_t family = type == 0x0800 ? ADDR_IPV4 : ADDR_IPV6;

	memset(f, 0, sizeof(*f));
	if (len < 60 || (type != 0x0800 && type != 0x86dd))
		return false;
	memcpy(f->mac_dst, data, 6);
	memcpy(f->mac_src, data + 6, 6);
	f->src.family = f->dst.family = family;
	udp = read_ip(f, data + 14, (uint16_t)(len - 14));
	if (!udp)
		return false;
	f->src.port = get16(udp);
	f->dst.port = get16(udp + 2);
	udp_len = get16(udp + 4);
	f->no_checksum = get16(udp + 6) == 0;
	if (udp_len < 8 || udp + udp_len > data + len || (f->no_checksum && family == ADDR_IPV6))
		return false;
	if (!f->no_checksum &&
		checksum_udp(f->src.ip, f->dst.ip, family == ADDR_IPV4 ? 4 : 16, udp, udp_len))
		return false;
	f->len = (uint16_t)(udp_len - 8);
	memcpy(f->payload, udp + 8, f->len);
	return true;
}

void frame_rtp(struct frame *f, uint8_t type, uint16_t seq, uint32_t ssrc, uint16_t len)
{
	f->len = len;
	for (uint16_t i = 12; i < len; i++)
		f->payload[i] = (uint8_t)(i * 7 + seq);
	f->payload[0] = 0x80;
	f->payload[1] = type;
	put16(f->payload + 2, seq);
	put32(f->payload + 4, seq * 160u);
	put32(f->payload + 8, ssrc);
}

void frame_rtcp(struct frame *f, uint32_t ssrc)
{
	memset(f->payload, 0, 32);
	f->len = 32;
	f->payload[0] = 0x81;
	f->payload[1] = 201;
	put16(f->payload + 2, 7);
	put32(f->payload + 4, ssrc);
}

void frame_stun(struct frame *f)
{
	memset(f->payload, 0, 20);
	f->len = 20;
	f->payload[1] = 1;
	put32(f->payload + 4, 0x2112a442);
}
