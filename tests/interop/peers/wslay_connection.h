/* What wslay leaves to its user: the opening handshake, the socket, and when to read and write.
 *
 * HTTP here is only as much as the matrix needs: no body, no lines longer than a head.
 */
#ifndef WSLAY_CONNECTION_H
#define WSLAY_CONNECTION_H

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <wslay/wslay.h>

static char head[8192];

/* Byte by byte: what comes behind the head is left in the socket, for wslay. */
static bool read_head(int socket) {
    size_t length = 0;
    while (length < sizeof head - 1 && read(socket, head + length, 1) == 1) {
        head[++length] = 0;
        if (length >= 4 && !strcmp(head + length - 4, "\r\n\r\n"))
            return true;
    }
    return false;
}

static void write_head(int socket, const char *text) {
    size_t length = strlen(text);
    if (write(socket, text, length) != (ssize_t)length)
        exit(1);
}

/* A field's value, without surrounding spaces, or "". */
static const char *field(const char *name) {
    static char value[256];
    char line[64];
    snprintf(line, sizeof line, "\r\n%s:", name);
    const char *start = strcasestr(head, line);
    if (!start)
        return "";
    start += strlen(line);
    start += strspn(start, " ");
    size_t length = strcspn(start, "\r");
    while (length && start[length - 1] == ' ')
        length--;
    snprintf(value, sizeof value, "%.*s", (int)length, start);
    return value;
}

/* Sec-WebSocket-Accept for a Sec-WebSocket-Key (RFC 6455 §4.2.2). */
static const char *accept_token(const char *key) {
    static unsigned char token[29];
    unsigned char digest[SHA_DIGEST_LENGTH];
    char text[256 + 36];
    snprintf(text, sizeof text, "%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
    SHA1((unsigned char *)text, strlen(text), digest);
    EVP_EncodeBlock(token, digest, sizeof digest);
    return (char *)token;
}

struct connection {
    int socket;
    bool broken; /* the socket has ended, or failed */
};

static ssize_t receive(wslay_event_context_ptr ctx, uint8_t *data, size_t length, int flags,
                       void *user) {
    struct connection *connection = user;
    (void)flags;
    ssize_t count;
    do
        count = recv(connection->socket, data, length, 0);
    while (count < 0 && errno == EINTR);
    if (count > 0)
        return count;
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        wslay_event_set_error(ctx, WSLAY_ERR_WOULDBLOCK);
    } else {
        connection->broken = true;
        wslay_event_set_error(ctx, WSLAY_ERR_CALLBACK_FAILURE);
    }
    return -1;
}

static ssize_t transmit(wslay_event_context_ptr ctx, const uint8_t *data, size_t length, int flags,
                        void *user) {
    struct connection *connection = user;
    ssize_t count;
    do
        count = send(connection->socket, data, length,
                     MSG_NOSIGNAL | (flags & WSLAY_MSG_MORE ? MSG_MORE : 0));
    while (count < 0 && errno == EINTR);
    if (count >= 0)
        return count;
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
        wslay_event_set_error(ctx, WSLAY_ERR_WOULDBLOCK);
    } else {
        connection->broken = true;
        wslay_event_set_error(ctx, WSLAY_ERR_CALLBACK_FAILURE);
    }
    return -1;
}

static inline int masking_key(wslay_event_context_ptr ctx, uint8_t *data, size_t length,
                              void *user) {
    (void)ctx, (void)user;
    return RAND_bytes(data, (int)length) == 1 ? 0 : -1;
}

static int queue_message(wslay_event_context_ptr ctx, int opcode, const void *data,
                         size_t length) {
    struct wslay_event_msg message = {(uint8_t)opcode, data, length};
    return wslay_event_queue_msg(ctx, &message);
}

/* A text to be sent in thirds. */
struct thirds {
    size_t length;
    int next;
    char text[];
};

/* wslay makes a fragment of what each call gives. */
static ssize_t next_third(wslay_event_context_ptr ctx, uint8_t *buffer, size_t length,
                          const union wslay_event_msg_source *source, int *eof, void *user) {
    (void)ctx, (void)user;
    struct thirds *thirds = source->data;
    size_t start = thirds->length * (size_t)thirds->next / 3;
    size_t end = thirds->length * (size_t)(thirds->next + 1) / 3;
    if (end - start > length)
        return -1;
    memcpy(buffer, thirds->text + start, end - start);
    if (++thirds->next == 3) {
        *eof = 1;
        free(thirds);
    }
    return (ssize_t)(end - start);
}

static int queue_in_thirds(wslay_event_context_ptr ctx, const void *data, size_t length) {
    struct thirds *thirds = malloc(sizeof *thirds + length);
    if (!thirds)
        return WSLAY_ERR_NOMEM;
    *thirds = (struct thirds){.length = length};
    memcpy(thirds->text, data, length);
    struct wslay_event_fragmented_msg message = {WSLAY_TEXT_FRAME, {.data = thirds}, next_third};
    return wslay_event_queue_fragmented_msg(ctx, &message);
}

/* Until both Closes are through, or the socket is at its end. */
static void converse(wslay_event_context_ptr ctx, struct connection *connection) {
    fcntl(connection->socket, F_SETFL, O_NONBLOCK);
    while (!connection->broken) {
        short events = (short)((wslay_event_want_read(ctx) ? POLLIN : 0) |
                               (wslay_event_want_write(ctx) ? POLLOUT : 0));
        if (!events)
            break;
        struct pollfd descriptor = {connection->socket, events, 0};
        if (poll(&descriptor, 1, -1) < 0 ||
            (descriptor.revents & (POLLIN | POLLHUP | POLLERR) && wslay_event_recv(ctx)) ||
            (wslay_event_want_write(ctx) && wslay_event_send(ctx)))
            break;
    }
}

#endif
