/* What the clients in C do in each scenario of the matrix, and the line that they report.
 *
 * Knows no WebSocket library: a client asks for the script of its scenario, takes its steps
 * one after another (the next when a step's answer has come) and tells what it sees.
 */
#ifndef CLIENT_SCRIPT_H
#define CLIENT_SCRIPT_H

#include <openssl/sha.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LARGE (1 << 20)

enum step_kind {
    END,            /* the server is to close */
    SEND_TEXT,      /* answered by a message */
    SEND_BINARY,    /* answered by a message */
    SEND_FRAGMENTS, /* a text in three fragments, answered by a message */
    SEND_PING,      /* answered by its Pong */
    AWAIT,          /* a message comes unasked */
    SEND_CLOSE,     /* answered by a Close */
};

struct step {
    enum step_kind kind;
    const char *data;
    size_t length;
    int code; /* of SEND_CLOSE, whose reason is the data */
};

struct script {
    const char *name, *path;
    struct step steps[3];
};

static char large_text[LARGE], large_binary[LARGE];

#define STRING(s) s, sizeof(s) - 1
#define CLOSE_NORMALLY {SEND_CLOSE, "", 0, 1000}

static const struct script scripts[] = {
    {"echo-small",
     "/echo",
     {{SEND_TEXT, STRING("hello \xc3\xa9"), 0},
      {SEND_BINARY, large_binary, 256, 0},
      CLOSE_NORMALLY}},
    {"echo-empty", "/echo", {{SEND_TEXT, "", 0, 0}, {SEND_BINARY, "", 0, 0}, CLOSE_NORMALLY}},
    {"echo-large",
     "/echo",
     {{SEND_TEXT, large_text, LARGE, 0},
      {SEND_BINARY, large_binary, LARGE, 0},
      CLOSE_NORMALLY}},
    {"fragmented", "/echo", {{SEND_FRAGMENTS, STRING("three fragments each"), 0}, CLOSE_NORMALLY}},
    {"from-fragments",
     "/fragments",
     {{SEND_TEXT, STRING("three fragments each"), 0}, CLOSE_NORMALLY}},
    {"ping", "/echo", {{SEND_PING, STRING("are you there"), 0}, CLOSE_NORMALLY}},
    {"pinged", "/ping", {{AWAIT, "", 0, 0}, CLOSE_NORMALLY}},
    {"client-closes", "/echo", {{SEND_CLOSE, STRING("bye"), 4001}}},
    {"server-closes", "/close", {{SEND_TEXT, STRING("3456 enough"), 0}}},
    {"rejected", "/reject", {{END, "", 0, 0}}},
};

static const struct script *find_script(const char *name) {
    for (int i = 0; i < LARGE; i++) {
        large_text[i] = "0123456789abcdef"[i % 16];
        large_binary[i] = (char)i;
    }
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++)
        if (!strcmp(scripts[i].name, name))
            return &scripts[i];
    fprintf(stderr, "no scenario %s\n", name);
    exit(2);
}

/* Where a fragment of a whole starts; the fourth is where the third ends. */
static inline size_t fragment_start(size_t length, int index) {
    return length * (size_t)index / 3;
}

struct observed {
    bool opened, closed, ponged;
    int status, close_code;
    size_t received_count, close_reason_length, pong_length;
    struct {
        bool binary;
        size_t length;
        unsigned char sha256[SHA256_DIGEST_LENGTH];
    } received[8];
    char extensions[256], close_reason[125], pong[125];
};

static struct observed observed;

static void saw_message(bool binary, const void *data, size_t length) {
    if (observed.received_count == sizeof observed.received / sizeof *observed.received) {
        fprintf(stderr, "more messages than any scenario has\n");
        exit(1);
    }
    size_t i = observed.received_count++;
    observed.received[i].binary = binary;
    observed.received[i].length = length;
    SHA256(data, length, observed.received[i].sha256);
}

static void saw_pong(const void *data, size_t length) {
    observed.ponged = true;
    observed.pong_length = length < sizeof observed.pong ? length : sizeof observed.pong;
    memcpy(observed.pong, data, observed.pong_length);
}

/* The payload of a Close frame. */
static void saw_close(const unsigned char *data, size_t length) {
    observed.closed = true;
    observed.close_code = length < 2 ? 1005 : data[0] << 8 | data[1];
    observed.close_reason_length = length < 2 ? 0 : length - 2;
    if (observed.close_reason_length > sizeof observed.close_reason)
        observed.close_reason_length = sizeof observed.close_reason;
    memcpy(observed.close_reason, data + 2, observed.close_reason_length);
}

static void print_string(const char *data, size_t length) {
    putchar('"');
    for (size_t i = 0; i < length; i++)
        if (data[i] == '"' || data[i] == '\\' || (unsigned char)data[i] < ' ')
            printf("\\u%04x", (unsigned char)data[i]);
        else
            putchar(data[i]);
    putchar('"');
}

static void report(void) {
    printf("{\"opened\": %s, \"status\": ", observed.opened ? "true" : "false");
    if (observed.status)
        printf("%d", observed.status);
    else
        printf("null");
    printf(", \"extensions\": ");
    print_string(observed.extensions, strlen(observed.extensions));
    printf(", \"received\": [");
    for (size_t i = 0; i < observed.received_count; i++) {
        printf("%s[\"%s\", %zu, \"", i ? ", " : "", observed.received[i].binary ? "binary" : "text",
               observed.received[i].length);
        for (size_t j = 0; j < SHA256_DIGEST_LENGTH; j++)
            printf("%02x", observed.received[i].sha256[j]);
        printf("\"]");
    }
    printf("], \"close\": ");
    if (observed.closed) {
        printf("[%d, ", observed.close_code);
        print_string(observed.close_reason, observed.close_reason_length);
        printf("]");
    } else
        printf("null");
    printf(", \"pong\": ");
    if (observed.ponged)
        print_string(observed.pong, observed.pong_length);
    else
        printf("null");
    printf("}\n");
}

#endif
