/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/call/stimer.h"

enum stimer_meaning stimer_meaning(unsigned int code, enum stimer_request request)
{
	if (code < 200 || code == 408)
		return STIMER_MEANS_NO_ANSWER;
	if (code < 300)
		return STIMER_MEANS_ALIVE;
	if (code == 481)
		return STIMER_MEANS_GONE;
	if (request == STIMER_REQUEST_NONE)
		return STIMER_MEANS_ANSWERED;
	switch (code) {
	case 405:
	case 501:
		return request == STIMER_REQUEST_UPDATE ? STIMER_MEANS_ANSWERED : STIMER_MEANS_GONE;
	case 404:
	case 410:
	case 416:
	case 480:
	case 482:
	case 483:
	case 484:
	case 485:
	case 489:
	case 502:
	case 604:
		return STIMER_MEANS_GONE;
	default:
		return STIMER_MEANS_ANSWERED;
	}
}
