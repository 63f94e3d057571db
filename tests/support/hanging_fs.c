/* SPDX-License-Identifier: Apache-2.0 */
/* A FUSE file system with one executable file, "program", whose open never
 * returns: exec of it hangs for ever. hanging-fs -f MOUNTPOINT      end it with
 * SIGKILL, then unmount */
#define _GNU_SOURCE
#define FUSE_USE_VERSION 31
#include <errno.h>
#include <fuse.h>
#include <string.h>
#include <unistd.h>

static int get_attributes(const char* path, struct stat* facts,
                          struct fuse_file_info* info) {
  (void)info;
  memset(facts, 0, sizeof *facts);
  if (strcmp(path, "/") == 0) {
    facts->st_mode = S_IFDIR | 0755;
    facts->st_nlink = 2;
    return 0;
  }
  if (strcmp(path, "/program") != 0) return -ENOENT;
  facts->st_mode = S_IFREG | 0755;
  facts->st_nlink = 1;
  facts->st_size = 4096;
  return 0;
}

static int open_for_ever(const char* path, struct fuse_file_info* info) {
  (void)path;
  (void)info;
  for (;;)
    pause();
  return -EIO;
}

int main(int argc, char** argv) {
  static const struct fuse_operations operations = {.getattr = get_attributes,
                                                    .open = open_for_ever};

  return fuse_main(argc, argv, &operations, NULL);
}
