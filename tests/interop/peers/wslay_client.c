/* A client of the matrix on wslay: wslay_client URL SCENARIO [--no-deflate]
 *
 * wslay has no permessage-deflate: it is never offered.
 */
#define _GNU_SOURCE

#include "client_script.h"
#include "wslay_connection.h"

#include <netdb.h>

static const struct step *step;

static int take_step(wslay_event_context_ptr ctx) {
    switch (step->kind) {
    case SEND_TEXT:
        return queue_message(ctx, WSLAY_TEXT_FRAME, step->data, step->length);
    case SEND_BINARY:
        return queue_message(ctx, WSLAY_BINARY_FRAME, step->data, step->length);
    case SEND_PING:
        return queue_message(ctx, WSLAY_PING, step->data, step->length);
    case SEND_FRAGMENTS:
        return queue_in_thirds(ctx, step->data, step->length);
    case SEND_CLOSE:
        return wslay_event_queue_close(ctx, (uint16_t)step->code, (const uint8_t *)step->data,
                                       step->length);
    case AWAIT:
    case END:
        break;
    }
    return 0;
}

static void on_message(wslay_event_context_ptr ctx, const struct wslay_event_on_msg_recv_arg *arg,
                       void *user) {
    (void)user;
    if (arg->opcode == WSLAY_CONNECTION_CLOSE)
        saw_close(arg->msg, arg->msg_length);
    else if (arg->opcode == WSLAY_PONG)
        saw_pong(arg->msg, arg->msg_length);
    else if (!wslay_is_ctrl_frame(arg->opcode))
        saw_message(arg->opcode == WSLAY_BINARY_FRAME, arg->msg, arg->msg_length);
    if (wslay_is_ctrl_frame(arg->opcode) &&
        (arg->opcode != WSLAY_PONG || step->kind != SEND_PING))
        return;
    step++;
    if (take_step(ctx))
        wslay_event_set_error(ctx, WSLAY_ERR_CALLBACK_FAILURE);
}

/* Connects to ws://HOST:PORT; only numbers are resolved. */
static int connect_to(const char *url) {
    char host[64], port[8];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST}, *found;
    if (sscanf(url, "ws://%63[^:/]:%7[0-9]", host, port) != 2 ||
        getaddrinfo(host, port, &hints, &found))
        return -1;
    int connection = socket(found->ai_family, found->ai_socktype, 0);
    if (connect(connection, found->ai_addr, found->ai_addrlen))
        return -1;
    freeaddrinfo(found);
    return connection;
}

static bool open_connection(int socket, const char *authority, const char *path) {
    unsigned char nonce[16], key[25];
    char request[512];
    if (RAND_bytes(nonce, sizeof nonce) != 1)
        return false;
    EVP_EncodeBlock(key, nonce, sizeof nonce);
    snprintf(request, sizeof request,
             "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n",
             path, authority, key);
    write_head(socket, request);
    if (!read_head(socket) || sscanf(head, "HTTP/1.1 %d", &observed.status) != 1)
        return false;
    if (observed.status != 101 ||
        strcmp(field("Sec-WebSocket-Accept"), accept_token((char *)key)) != 0)
        return false;
    observed.status = 0;
    snprintf(observed.extensions, sizeof observed.extensions, "%s",
             field("Sec-WebSocket-Extensions"));
    return observed.opened = true;
}

int main(int count, char **arguments) {
    if (count < 3) {
        fprintf(stderr, "usage: %s URL SCENARIO [--no-deflate]\n", arguments[0]);
        return 2;
    }
    const struct script *script = find_script(arguments[2]);
    step = script->steps;
    struct connection connection = {.socket = connect_to(arguments[1])};
    if (connection.socket < 0) {
        fprintf(stderr, "no connection to %s\n", arguments[1]);
        return 1;
    }
    if (open_connection(connection.socket, arguments[1] + strlen("ws://"), script->path)) {
        struct wslay_event_callbacks callbacks = {.recv_callback = receive,
                                                  .send_callback = transmit,
                                                  .genmask_callback = masking_key,
                                                  .on_msg_recv_callback = on_message};
        wslay_event_context_ptr ctx;
        if (wslay_event_context_client_init(&ctx, &callbacks, &connection) || take_step(ctx))
            return 1;
        converse(ctx, &connection);
        wslay_event_context_free(ctx);
    }
    close(connection.socket);
    report();
    return 0;
}
