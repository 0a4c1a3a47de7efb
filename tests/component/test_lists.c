/* SPDX-License-Identifier: BSD-3-Clause */
/* A hundred thousand calls told to an operator: no turn of the loop is long, little memory is
 * taken, and calls may come and go meanwhile. Server and client are in one loop. */
#include "controlplane/call/walk.h"
#include "controlplane/ops/lists.h"
#include "tests/unit/sip_world.h"

#include <malloc.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/conf_text.h"

#define CALLS    100000
#define TURN_NS  200000000 /* of processor time; all calls at once take seconds */
#define HEAP_MAX (8u << 20)

static struct {
	char dir[64], path[80];
	uv_loop_t loop;
	uv_pipe_t pipe;
	uv_check_t check;
	uv_connect_t connect;
	uv_write_t write;
	struct ctlserver *server;
	struct calls calls;
	struct call *call[CALLS];
	struct conf *conf;
	char data[65536];
	uint64_t turn_ns, longest_ns;
	size_t heap_before, heap_most;
	unsigned int rows, parts;
	bool answered;
	bool churn;  /* calls come and go at each part */
	bool counts; /* lines are looked at closely */
	uint8_t met[CALLS];
	char line[1u << 20];
	size_t used;
} w;

static uint64_t cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* Once a turn. */
static void on_check(uv_check_t *check)
{
	uint64_t now = cpu_ns();
	size_t heap = mallinfo2().uordblks;

	if (now - w.turn_ns > w.longest_ns)
		w.longest_ns = now - w.turn_ns;
	if (heap > w.heap_before && heap - w.heap_before > w.heap_most)
		w.heap_most = heap - w.heap_before;
	w.turn_ns = now;
}

static void on_calls(void *arg, struct ctlserver_request *request, const json_t *args)
{
	lists_calls(request, &w.calls, args);
}

static struct call *make_call(uint32_t number)
{
	const struct ids_call ids = {
		.partition = 1, .node = "n01", .incarnation = 1, .seq = number};
	struct call *call = call_create(&w.calls, &ids);

	assert_non_null(call);
	call->state = CALL_ACTIVE;
	text_set(&call->from, "sip:alice@example.com", 21);
	text_set(&call->to, "sip:bob@example.com", 19);
	return call;
}

/* Each part ends some calls, also the one that would be told next, and makes others. */
static void come_and_go(void)
{
	static uint32_t number = CALLS;
	struct call *at;

	for (int i = 0; i < 20; i++) {
		uint32_t n = (uint32_t)rand() % CALLS;

		if (n % 3)
			continue;
		if (w.call[n])
			call_free(w.call[n]);
		w.call[n] = NULL;
	}
	at = w.calls.walks ? w.calls.walks->at : NULL;
	if (at && at->ids.seq < CALLS && at->ids.seq % 3 == 0) {
		w.call[at->ids.seq] = NULL;
		call_free(at);
	}
	make_call(++number);
}

static void count_row(const json_t *row)
{
	const char *id = json_string_value(json_object_get(row, "id"));
	struct ids_call ids;

	assert_non_null(id);
	assert_int_equal(ids_call_parse(&ids, id, strlen(id)), 0);
	if (ids.seq < CALLS)
		w.met[ids.seq]++;
}

static void take_line(const char *line, size_t len)
{
	json_t *answer, *row;
	size_t i;

	w.answered = strncmp(line, "{\"result\"", 9) == 0;
	if (w.answered)
		return;
	assert_int_equal(strncmp(line, "{\"part\":{\"calls\":[", 18), 0);
	w.parts++;
	if (w.counts) {
		answer = json_loadb(line, len, 0, NULL);
		json_array_foreach(
			json_object_get(json_object_get(answer, "part"), "calls"), i, row)
		{
			count_row(row);
			w.rows++;
		}
		json_decref(answer);
	}
	if (w.churn)
		come_and_go();
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	*buf = uv_buf_init(w.line + w.used, (unsigned int)(sizeof(w.line) - w.used));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	char *end;

	assert_true(n > 0);
	w.used += (size_t)n;
	while ((end = memchr(w.line, '\n', w.used))) {
		size_t len = (size_t)(end - w.line);

		take_line(w.line, len);
		w.used -= len + 1;
		memmove(w.line, end + 1, w.used);
	}
	if (w.answered)
		uv_stop(&w.loop);
}

static void on_connected(uv_connect_t *connect, int status)
{
	assert_int_equal(status, 0);
	uv_read_start((uv_stream_t *)&w.pipe, on_room, on_read);
}

static int setup(void **state)
{
	const struct ctlserver_command command = {"calls", on_calls, NULL};
	static const struct sip_handlers handlers;

	w.conf = load(NODE);
	world_open(&handlers, (struct sip_stack_config){0});
	w.calls = (struct calls){.conf = w.conf, .sip = world_stack, .wheel = &world_wheel};
	for (uint32_t i = 0; i < CALLS; i++)
		w.call[i] = make_call(i);
	strcpy(w.dir, "/tmp/lw-lists-XXXXXX");
	assert_non_null(mkdtemp(w.dir));
	snprintf(w.path, sizeof(w.path), "%s/cp.sock", w.dir);
	uv_loop_init(&w.loop);
	assert_int_equal(ctlserver_open(&w.server, &w.loop, w.path), 0);
	assert_int_equal(ctlserver_add(w.server, &command, 1), 0);
	uv_pipe_init(&w.loop, &w.pipe, 0);
	uv_pipe_connect(&w.connect, &w.pipe, w.path, on_connected);
	uv_check_init(&w.loop, &w.check);
	uv_check_start(&w.check, on_check);
	return 0;
}

static int teardown(void **state)
{
	uv_close((uv_handle_t *)&w.pipe, NULL);
	uv_close((uv_handle_t *)&w.check, NULL);
	ctlserver_close(w.server);
	uv_run(&w.loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&w.loop), 0);
	assert_null(w.calls.walks);
	calls_close(&w.calls);
	world_close();
	conf_free(w.conf);
	return rmdir(w.dir);
}

static void ask(const char *line)
{
	uv_buf_t buf = uv_buf_init((char *)line, (unsigned int)strlen(line));

	w.rows = w.parts = 0;
	w.longest_ns = w.heap_most = 0;
	w.heap_before = mallinfo2().uordblks;
	memset(w.met, 0, sizeof(w.met));
	w.turn_ns = cpu_ns();
	uv_write(&w.write, (uv_stream_t *)&w.pipe, &buf, 1, NULL);
	uv_run(&w.loop, UV_RUN_DEFAULT);
}

static void test_no_turn_is_long(void **state)
{
	ask("{\"cmd\":\"calls\"}\n");
	print_message("# %u parts, longest turn %llu us, %zu kB of heap\n", w.parts,
		(unsigned long long)w.longest_ns / 1000, w.heap_most / 1024);
	assert_in_range(w.parts, CALLS / 1000, CALLS);
	assert_true(w.longest_ns < TURN_NS);
	assert_true(w.heap_most < HEAP_MAX);
	/* None is up so long, and they are looked at in turns all the same. */
	ask("{\"cmd\":\"calls\",\"args\":{\"longer_s\":4000000000}}\n");
	assert_in_range(w.parts, CALLS / 1000, CALLS);
	assert_true(w.longest_ns < TURN_NS);
}

static void test_calls_come_and_go(void **state)
{
	w.churn = w.counts = true;
	ask("{\"cmd\":\"calls\"}\n");
	for (uint32_t i = 0; i < CALLS; i++) {
		assert_true(w.met[i] <= 1);
		if (w.call[i])
			assert_int_equal(w.met[i], 1);
	}
	w.churn = w.counts = false;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_turn_is_long),
		cmocka_unit_test(test_calls_come_and_go),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
