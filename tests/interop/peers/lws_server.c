/* A server of the matrix on libwebsockets: lws_server [PORT] [--no-deflate] */

#include "forking_server.h"

#include <libwebsockets.h>

static const char ping_payload[] = "are you there";

/* A frame in the queue. Its payload lies behind LWS_PRE bytes, where the library writes the head. */
struct frame {
    struct frame *next;
    int flags;
    size_t length;
    unsigned char buffer[];
};

struct session {
    char path[32];
    unsigned char *message; /* received so far */
    size_t message_length;
    struct frame *first, *last, *written;
    bool closing;
};

static bool done;

static int queue(struct session *session, const void *data, size_t length, int flags) {
    struct frame *frame = malloc(sizeof *frame + LWS_PRE + length);
    if (!frame)
        return -1;
    *frame = (struct frame){.flags = flags, .length = length};
    memcpy(frame->buffer + LWS_PRE, data, length);
    if (session->first)
        session->last->next = frame;
    else
        session->first = frame;
    session->last = frame;
    return 0;
}

/* One frame at a time: the library asks for it, and calls back when there is room for more.
 *
 * Only then is it through with the frame: permessage-deflate reads on from where it lay.
 */
static int write_next(struct lws *wsi, struct session *session) {
    struct frame *frame = session->first;
    free(session->written);
    session->written = frame;
    if (!frame)
        return session->closing ? -1 : 0;
    session->first = frame->next;
    int written = lws_write(wsi, frame->buffer + LWS_PRE, frame->length,
                            (enum lws_write_protocol)frame->flags);
    lws_callback_on_writable(wsi);
    return written < 0 ? -1 : 0;
}

static int answer(struct lws *wsi, struct session *session, bool binary) {
    const char *data = (const char *)session->message;
    size_t length = session->message_length;
    if (!strcmp(session->path, "/close") && !binary) {
        char *reason;
        int code = (int)strtol(data, &reason, 10);
        reason += *reason == ' ';
        lws_close_reason(wsi, (enum lws_close_status)code, (unsigned char *)reason,
                         strlen(reason));
        session->closing = true; /* by the next callback for writing */
        return 0;
    }
    if (!strcmp(session->path, "/fragments") && !binary) {
        for (int i = 0; i < 3; i++) {
            size_t start = length * (size_t)i / 3, end = length * (size_t)(i + 1) / 3;
            int flags = i == 0 ? LWS_WRITE_TEXT : LWS_WRITE_CONTINUATION;
            if (queue(session, data + start, end - start, i < 2 ? flags | LWS_WRITE_NO_FIN : flags))
                return -1;
        }
        return 0;
    }
    return queue(session, data, length, binary ? LWS_WRITE_BINARY : LWS_WRITE_TEXT);
}

static int take_data(struct lws *wsi, struct session *session, const void *data, size_t length) {
    if (lws_is_first_fragment(wsi))
        session->message_length = 0;
    /* One more, for a terminator. */
    unsigned char *message = realloc(session->message, session->message_length + length + 1);
    if (!message)
        return -1;
    session->message = message;
    if (length) /* else there may be no data to point to */
        memcpy(message + session->message_length, data, length);
    session->message_length += length;
    message[session->message_length] = 0;
    if (!lws_is_final_fragment(wsi))
        return 0;
    lws_callback_on_writable(wsi);
    return answer(wsi, session, lws_frame_is_binary(wsi));
}

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t length) {
    struct session *session = user;
    switch (reason) {
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION: {
        char path[32] = "";
        lws_hdr_copy(wsi, path, sizeof path, WSI_TOKEN_GET_URI);
        if (!strcmp(path, "/reject")) {
            lws_return_http_status(wsi, HTTP_STATUS_FORBIDDEN, NULL);
            return 1;
        }
        return 0;
    }
    case LWS_CALLBACK_ESTABLISHED:
        lws_hdr_copy(wsi, session->path, sizeof session->path, WSI_TOKEN_GET_URI);
        if (!strcmp(session->path, "/ping")) {
            lws_callback_on_writable(wsi);
            return queue(session, ping_payload, sizeof ping_payload - 1, LWS_WRITE_PING);
        }
        return 0;
    case LWS_CALLBACK_RECEIVE:
        return take_data(wsi, session, in, length);
    case LWS_CALLBACK_RECEIVE_PONG: {
        char text[6 + 125];
        memcpy(text, "pong: ", 6);
        memcpy(text + 6, in, length);
        lws_callback_on_writable(wsi);
        return queue(session, text, 6 + length, LWS_WRITE_TEXT);
    }
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return write_next(wsi, session);
    case LWS_CALLBACK_WSI_DESTROY: /* refused ones too */
        done = true;
        return 0;
    case LWS_CALLBACK_CLOSED:
        free(session->message);
        free(session->written);
        while (session->first) {
            struct frame *frame = session->first;
            session->first = frame->next;
            free(frame);
        }
        return 0;
    default:
        return lws_callback_http_dummy(wsi, reason, user, in, length);
    }
}

static const struct lws_protocols protocols[] = {
    {"interop", callback, sizeof(struct session), 65536, 0, NULL, 0},
    {NULL, NULL, 0, 0, 0, NULL, 0}};
static const struct lws_extension extensions[] = {
    {"permessage-deflate", lws_extension_callback_pm_deflate, "permessage-deflate"},
    {NULL, NULL, NULL}};

int main(int count, char **values) {
    struct arguments arguments = parse_arguments(count, values);
    int connection = next_connection(arguments.port);
    lws_set_log_level(LLL_ERR | LLL_WARN, NULL);
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN_SERVER,
        .protocols = protocols,
        .extensions = arguments.deflate ? extensions : NULL,
        .gid = (gid_t)-1,
        .uid = (uid_t)-1,
    };
    struct lws_context *context = lws_create_context(&info);
    if (!context || !lws_adopt_socket(context, connection))
        return 1;
    while (!done && lws_service(context, 0) >= 0)
        ;
    lws_context_destroy(context);
    return 0;
}
