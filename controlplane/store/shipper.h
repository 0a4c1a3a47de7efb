/* SPDX-License-Identifier: BSD-3-Clause */
/* Takes CDRs from the partitions' streams (consumer group `bill`) into the node's JSON-lines file,
 * off the loop. An entry is acknowledged only after its line is on the disk: at least once,
 * de-duplicable by id. */
#ifndef CONTROLPLANE_STORE_SHIPPER_H
#define CONTROLPLANE_STORE_SHIPPER_H

#include "controlplane/store/cdrfile.h"
#include "controlplane/store/conn.h"
#include "shared/ids.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

enum shipper_phase {
	SHIPPER_IDLE,
	SHIPPER_READING,
	SHIPPER_WRITING,
	SHIPPER_WAITING, /* the file refused: again later */
	SHIPPER_ACKING,
};

struct shipper_part {
	struct conn_cmd cmd;
	struct shipper *shipper;
	bool due;       /* may have something to read */
	bool again;     /* entries were given to us before: read them first */
	bool claim;     /* look for entries that another consumer left behind */
	bool asked;     /* the command under way is a read of the old ones */
	uint32_t first; /* entries of this batch: their ids, in batch order */
	uint32_t count;
};

struct shipper_entry {
	uint16_t partition;
	char stream_id[44];
	char call_id[IDS_CALL_STRLEN];
};

struct shipper {
	struct store *store;
	bool on; /* there is a file to write */
	uint8_t phase;
	uint32_t outstanding; /* commands of this phase under way */
	struct shipper_part parts[IDS_PARTITIONS];
	uint32_t cursor; /* partition to look at first */
	struct shipper_entry *entries;
	uint32_t entry_count, entry_room;
	char *text; /* lines of the batch */
	size_t text_len, text_room;
	struct cdrfile file; /* belongs to the work while it runs */
	uv_work_t work;
	int work_result;
	int said; /* error already told */
	uint64_t retry_at, sweep_at;
	uint64_t lines;
};

#define SHIPPER_GROUP "bill"

int shipper_open(struct shipper *shipper, struct store *store);
/* A partition's stream has something new. */
void shipper_due(struct shipper *shipper, uint16_t partition);
/* The connection is new. */
void shipper_up(struct shipper *shipper, uint64_t now_ms);
void shipper_pump(struct shipper *shipper, uint64_t now_ms);
/* Nothing is left to do that could be done now. */
bool shipper_idle(const struct shipper *shipper);
/* The file's work is not running: the shipper may be closed. */
bool shipper_at_rest(const struct shipper *shipper);
void shipper_close(struct shipper *shipper);

/* Between the files of the shipper. */
void shipper_read(struct shipper *shipper); /* collects a batch, then calls shipper_work */
void shipper_work(struct shipper *shipper); /* writes it in a thread of the pool */
uint16_t shipper_partition(const struct shipper_part *part);

#endif
