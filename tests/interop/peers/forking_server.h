/* Where the servers in C get their connections: each in a process of its own.
 *
 * So a library that ends its process takes no other connection along.
 */
#ifndef FORKING_SERVER_H
#define FORKING_SERVER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

struct arguments {
    int port;
    bool deflate;
};

static struct arguments parse_arguments(int count, char **values) {
    struct arguments arguments = {0, true};
    for (int i = 1; i < count; i++)
        if (!strcmp(values[i], "--no-deflate"))
            arguments.deflate = false;
        else
            arguments.port = atoi(values[i]);
    return arguments;
}

/* Listens, says where, and returns only in a new process, with the socket of a new connection. */
static int next_connection(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int yes = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) ||
        bind(listener, (struct sockaddr *)&address, size) || listen(listener, 64) ||
        getsockname(listener, (struct sockaddr *)&address, &size)) {
        perror("no listening socket");
        exit(1);
    }
    printf("listening on %d\n", ntohs(address.sin_port));
    fflush(stdout);
    signal(SIGCHLD, SIG_IGN); /* nobody waits for the children */
    while (true) {
        int connection = accept(listener, NULL, NULL);
        if (connection < 0)
            continue;
        if (fork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL); /* none is left over, however the server ends */
            close(listener);
            setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
            return connection;
        }
        close(connection);
    }
}

#endif
