/* A server of the matrix on wslay: wslay_server [PORT] [--no-deflate]
 *
 * wslay has no permessage-deflate: what is offered is not answered.
 */
#define _GNU_SOURCE

#include "forking_server.h"
#include "wslay_connection.h"

static char path[64];

static int answer(wslay_event_context_ptr ctx, const struct wslay_event_on_msg_recv_arg *arg) {
    const char *text = (const char *)arg->msg;
    if (arg->opcode == WSLAY_PONG && !strcmp(path, "/ping")) {
        char message[6 + 125] = "pong: ";
        memcpy(message + 6, text, arg->msg_length);
        return queue_message(ctx, WSLAY_TEXT_FRAME, message, 6 + arg->msg_length);
    }
    if (arg->opcode == WSLAY_TEXT_FRAME && !strcmp(path, "/close")) {
        char copy[128] = "", *reason;
        memcpy(copy, text, arg->msg_length < 127 ? arg->msg_length : 127);
        long code = strtol(copy, &reason, 10);
        reason += *reason == ' ';
        return wslay_event_queue_close(ctx, (uint16_t)code, (uint8_t *)reason, strlen(reason));
    }
    if (arg->opcode == WSLAY_TEXT_FRAME && !strcmp(path, "/fragments"))
        return queue_in_thirds(ctx, text, arg->msg_length);
    if (!wslay_is_ctrl_frame(arg->opcode))
        return queue_message(ctx, arg->opcode, text, arg->msg_length);
    return 0;
}

static void on_message(wslay_event_context_ptr ctx, const struct wslay_event_on_msg_recv_arg *arg,
                       void *user) {
    (void)user;
    if (answer(ctx, arg))
        wslay_event_set_error(ctx, WSLAY_ERR_CALLBACK_FAILURE);
}

int main(int count, char **values) {
    struct arguments arguments = parse_arguments(count, values);
    struct connection connection = {.socket = next_connection(arguments.port)};
    if (!read_head(connection.socket) || sscanf(head, "GET %63s HTTP/1.1", path) != 1)
        return 1;
    char response[512] = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";
    bool opened = strcmp(path, "/reject") != 0;
    if (opened)
        snprintf(response, sizeof response,
                 "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                 "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
                 accept_token(field("Sec-WebSocket-Key")));
    write_head(connection.socket, response);
    if (opened) {
        struct wslay_event_callbacks callbacks = {
            .recv_callback = receive, .send_callback = transmit, .on_msg_recv_callback = on_message};
        wslay_event_context_ptr ctx;
        if (wslay_event_context_server_init(&ctx, &callbacks, &connection))
            return 1;
        static const char ping[] = "are you there";
        if (!strcmp(path, "/ping") && queue_message(ctx, WSLAY_PING, ping, sizeof ping - 1))
            return 1;
        converse(ctx, &connection);
        wslay_event_context_free(ctx);
    }
    close(connection.socket);
    return 0;
}
