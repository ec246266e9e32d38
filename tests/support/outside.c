/* Preloaded into every process of a run (LD_PRELOAD): writes down what would leave the machine, and refuses it.
 *
 * Each line of the file that OUTSIDE_LOG names is one attempt: a name that is looked up, or an address beyond loopback
 * that is connected to or sent to. A datagram socket that is only connected sends nothing, and is left alone.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void note(const char *what, const char *whom) {
  const char *log = getenv("OUTSIDE_LOG");
  char line[512];
  int length = snprintf(line, sizeof line, "%s %s by %s\n", what, whom, program_invocation_name);
  int file = log ? open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
  if (file < 0) return;
  if (length > (int)sizeof line) length = sizeof line;
  if (write(file, line, length) < 0) abort();
  close(file);
}

/* Whether a name needs no resolver: none, an address, this machine. */
static int is_here(const char *name) {
  unsigned char address[sizeof(struct in6_addr)];
  char own[256] = "";
  gethostname(own, sizeof own - 1);
  return !name || !*name || !strcmp(name, "localhost") || !strcmp(name, own) || inet_pton(AF_INET, name, address) == 1 ||
         inet_pton(AF_INET6, name, address) == 1;
}

/* Whether a socket's address is beyond this machine; writes it to text. */
static int is_beyond(const struct sockaddr *address, char *text, size_t size) {
  if (address && address->sa_family == AF_INET) {
    const struct in_addr *four = &((const struct sockaddr_in *)address)->sin_addr;
    inet_ntop(AF_INET, four, text, size);
    return ntohl(four->s_addr) >> 24 != 127 && four->s_addr;
  }
  if (address && address->sa_family == AF_INET6) {
    const struct in6_addr *six = &((const struct sockaddr_in6 *)address)->sin6_addr;
    inet_ntop(AF_INET6, six, text, size);
    if (IN6_IS_ADDR_V4MAPPED(six)) return six->s6_addr[12] != 127;
    return !IN6_IS_ADDR_LOOPBACK(six) && !IN6_IS_ADDR_UNSPECIFIED(six);
  }
  return 0;
}

#define REAL(name) __typeof__(&name) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **found) {
  REAL(getaddrinfo);
  if (is_here(name)) return real(name, service, hints, found);
  note("look-up", name);
  return EAI_FAIL;
}

struct hostent *gethostbyname(const char *name) {
  REAL(gethostbyname);
  if (is_here(name)) return real(name);
  note("look-up", name);
  h_errno = NO_RECOVERY;
  return NULL;
}

int connect(int socket, const struct sockaddr *address, socklen_t length) {
  REAL(connect);
  char text[INET6_ADDRSTRLEN];
  int kind = SOCK_STREAM;
  socklen_t size = sizeof kind;
  getsockopt(socket, SOL_SOCKET, SO_TYPE, &kind, &size);
  if (kind == SOCK_DGRAM || !is_beyond(address, text, sizeof text)) return real(socket, address, length);
  note("connect", text);
  errno = ENETUNREACH;
  return -1;
}

ssize_t sendto(int socket, const void *data, size_t size, int flags, const struct sockaddr *address, socklen_t length) {
  REAL(sendto);
  char text[INET6_ADDRSTRLEN];
  if (!is_beyond(address, text, sizeof text)) return real(socket, data, size, flags, address, length);
  note("send", text);
  errno = ENETUNREACH;
  return -1;
}
