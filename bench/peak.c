/* peak REPORT COMMAND...: runs the command and writes its CPU seconds and its peak resident KiB to the file REPORT.
 * A process's peak begins with what its parent held when it started it: that is this program's, below 1 MiB, not the bench's interpreter's. */
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static double seconds(struct timeval time) { return (double)time.tv_sec + (double)time.tv_usec / 1e6; }

int main(int argc, char** argv) {
  if (argc < 3) return 126;
  const pid_t child = fork();
  if (child == 0) {
    execvp(argv[2], argv + 2);
    _exit(127);
  }
  int status = 0;
  struct rusage usage;
  if (child < 0 || wait4(child, &status, 0, &usage) != child) return 126;
  FILE* report = fopen(argv[1], "w");
  if (report == NULL) return 126;
  fprintf(report, "%.2f %ld\n", seconds(usage.ru_utime) + seconds(usage.ru_stime), usage.ru_maxrss);
  if (fclose(report) != 0) return 126;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}
