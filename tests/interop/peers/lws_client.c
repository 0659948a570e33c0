/* A client of the matrix on libwebsockets: lws_client URL SCENARIO [--no-deflate] */

#include "client_script.h"

#include <libwebsockets.h>

static const struct script *script;
static const struct step *step;
static int fragment; /* of SEND_FRAGMENTS: the next to send */
static bool step_sent, done;
static unsigned char *outgoing, *message;
static size_t message_length;

/* An answer has come; if it is the one to the step, the next may be taken. */
static void answered(struct lws *wsi, bool pong) {
    if (pong != (step->kind == SEND_PING))
        return;
    step++;
    step_sent = false;
    lws_callback_on_writable(wsi);
}

/* The payload must have LWS_PRE writable bytes before it, and stay until the library asks for
 * more: permessage-deflate reads on from there. */
static int write_copy(struct lws *wsi, const void *data, size_t length, int flags) {
    free(outgoing);
    outgoing = malloc(LWS_PRE + length + 1);
    if (!outgoing)
        return -1;
    memcpy(outgoing + LWS_PRE, data, length);
    return lws_write(wsi, outgoing + LWS_PRE, length, (enum lws_write_protocol)flags) < 0 ? -1 : 0;
}

static int take_step(struct lws *wsi) {
    if (step_sent)
        return 0;
    step_sent = true;
    switch (step->kind) {
    case SEND_TEXT:
        return write_copy(wsi, step->data, step->length, LWS_WRITE_TEXT);
    case SEND_BINARY:
        return write_copy(wsi, step->data, step->length, LWS_WRITE_BINARY);
    case SEND_PING:
        return write_copy(wsi, step->data, step->length, LWS_WRITE_PING);
    case SEND_FRAGMENTS: {
        size_t start = fragment_start(step->length, fragment);
        size_t end = fragment_start(step->length, fragment + 1);
        int flags = fragment == 0 ? LWS_WRITE_TEXT : LWS_WRITE_CONTINUATION;
        if (++fragment < 3) {
            flags |= LWS_WRITE_NO_FIN;
            step_sent = false;
            lws_callback_on_writable(wsi);
        }
        return write_copy(wsi, step->data + start, end - start, flags);
    }
    case SEND_CLOSE:
        lws_close_reason(wsi, (enum lws_close_status)step->code, (unsigned char *)step->data,
                         step->length);
        return -1;
    case AWAIT:
    case END:
        break;
    }
    return 0;
}

static int take_data(struct lws *wsi, const void *data, size_t length) {
    if (lws_is_first_fragment(wsi))
        message_length = 0;
    message = realloc(message, message_length + length + 1);
    if (!message)
        return -1;
    if (length) /* else there may be no data to point to */
        memcpy(message + message_length, data, length);
    message_length += length;
    if (lws_is_final_fragment(wsi)) {
        saw_message(lws_frame_is_binary(wsi), message, message_length);
        answered(wsi, false);
    }
    return 0;
}

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t length) {
    switch (reason) {
    case LWS_CALLBACK_CLIENT_FILTER_PRE_ESTABLISH:
        lws_hdr_copy(wsi, observed.extensions, sizeof observed.extensions, WSI_TOKEN_EXTENSIONS);
        return 0;
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
        observed.opened = true;
        lws_callback_on_writable(wsi);
        return 0;
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        fprintf(stderr, "%s\n", in ? (const char *)in : "no connection");
        observed.status = (int)lws_http_client_http_response(wsi);
        done = true;
        return 0;
    case LWS_CALLBACK_CLIENT_WRITEABLE:
        return take_step(wsi);
    case LWS_CALLBACK_CLIENT_RECEIVE:
        return take_data(wsi, in, length);
    case LWS_CALLBACK_CLIENT_RECEIVE_PONG:
        /* Not to spin until the time limit: no scenario has more than one. */
        if (observed.ponged) {
            fprintf(stderr, "libwebsockets handed over one Pong twice\n");
            exit(1);
        }
        saw_pong(in, length);
        answered(wsi, true);
        return 0;
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        saw_close(in, length);
        return 0;
    case LWS_CALLBACK_CLIENT_CLOSED:
        done = true;
        return 0;
    default:
        return lws_callback_http_dummy(wsi, reason, user, in, length);
    }
}

static const struct lws_protocols protocols[] = {{"interop", callback, 0, 65536, 0, NULL, 0},
                                                 {NULL, NULL, 0, 0, 0, NULL, 0}};
/* The offer of the library's own examples. Without client_no_context_takeover, it would abort at
 * an empty message that follows another. */
static const struct lws_extension extensions[] = {
    {"permessage-deflate", lws_extension_callback_pm_deflate,
     "permessage-deflate; client_no_context_takeover; client_max_window_bits"},
    {NULL, NULL, NULL}};

int main(int count, char **arguments) {
    if (count < 3) {
        fprintf(stderr, "usage: %s URL SCENARIO [--deflate|--no-deflate]\n", arguments[0]);
        return 2;
    }
    bool deflate = count < 4 || strcmp(arguments[3], "--no-deflate") != 0;
    script = find_script(arguments[2]);
    step = script->steps;
    lws_set_log_level(LLL_ERR | LLL_WARN, NULL);

    const char *scheme, *host, *path;
    char authority[128];
    int port;
    if (lws_parse_uri(arguments[1], &scheme, &host, &port, &path))
        return 2;
    snprintf(authority, sizeof authority, "%s:%d", host, port);
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .protocols = protocols,
        .extensions = deflate ? extensions : NULL,
        .gid = (gid_t)-1,
        .uid = (uid_t)-1,
    };
    struct lws_context *context = lws_create_context(&info);
    if (!context)
        return 1;
    struct lws_client_connect_info connect = {
        .context = context,
        .address = host,
        .port = port,
        .path = script->path,
        .host = authority,
        .local_protocol_name = "interop",
        .ietf_version_or_minus_one = -1,
    };
    if (!lws_client_connect_via_info(&connect))
        done = true;
    while (!done && lws_service(context, 0) >= 0)
        ;
    lws_context_destroy(context);
    free(outgoing);
    free(message);
    report();
    return 0;
}
