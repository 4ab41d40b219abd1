/* A v4l2 camera below FFmpeg: loaded first, it answers for every path that holds "/video9".
 *
 * 320 x 192, YUYV, 25 a second, mapped buffers as a driver gives them: once the camera is closed they
 * are gone. After FAKE_FRAMES pictures it is unplugged (ENODEV) until it is opened again.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum { WIDTH = 320, HEIGHT = 192, SIZE = 2 * WIDTH * HEIGHT, BUFFERS = 4, STRIDE = 1 << 18 };

static int camera = -1;
static unsigned char *mapped[BUFFERS];
static int queued[64];
static unsigned head, tail, sequence;
static struct timespec began;

static int open_by(const char *symbol, const char *path, int flags, int mode) {
  int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, symbol);
  if (!path || !strstr(path, "/video9")) return real(path, flags, mode);
  sequence = head = tail = 0;
  clock_gettime(CLOCK_MONOTONIC, &began);
  return camera = real("/dev/zero", O_RDWR, 0);
}

int open(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  int mode = va_arg(rest, int);
  va_end(rest);
  return open_by("open", path, flags, mode);
}

int open64(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  int mode = va_arg(rest, int);
  va_end(rest);
  return open_by("open64", path, flags, mode);
}

int close(int descriptor) {
  int (*real)(int) = dlsym(RTLD_NEXT, "close");
  if (descriptor == camera) camera = -1;
  return real(descriptor);
}

static void *map_by(const char *symbol, void *at, size_t length, int access, int flags,
                    int descriptor, off_t offset) {
  void *(*real)(void *, size_t, int, int, int, off_t) = dlsym(RTLD_NEXT, symbol);
  if (descriptor < 0 || descriptor != camera)
    return real(at, length, access, flags, descriptor, offset);
  void *memory = real(0, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  mapped[offset / STRIDE] = memory;
  return memory;
}

void *mmap(void *at, size_t length, int access, int flags, int descriptor, off_t offset) {
  return map_by("mmap", at, length, access, flags, descriptor, offset);
}

void *mmap64(void *at, size_t length, int access, int flags, int descriptor, off_t offset) {
  return map_by("mmap64", at, length, access, flags, descriptor, offset);
}

static int refused(int number) {
  errno = number;
  return -1;
}

static int next_picture(struct v4l2_buffer *buffer) {
  const char *limit = getenv("FAKE_FRAMES");
  if (limit && sequence >= (unsigned)atoi(limit)) return refused(ENODEV);
  long long due = began.tv_sec * 1000000000LL + began.tv_nsec + ++sequence * 40000000LL;
  struct timespec moment = {due / 1000000000LL, due % 1000000000LL};
  clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &moment, 0);
  int index = queued[head++ % 64];
  for (int place = 0; place < SIZE; place += 2) {
    mapped[index][place] = 16 + 4 * (sequence % 50);
    mapped[index][place + 1] = 128;
  }
  buffer->index = index;
  buffer->bytesused = SIZE;
  buffer->flags = V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
  buffer->timestamp.tv_sec = moment.tv_sec;
  buffer->timestamp.tv_usec = moment.tv_nsec / 1000;
  buffer->sequence = sequence;
  return 0;
}

static int answer(unsigned long request, void *asked) {
  switch (request) {
    case VIDIOC_QUERYCAP: {
      struct v4l2_capability *can = asked;
      memset(can, 0, sizeof *can);
      can->capabilities = can->device_caps = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING;
      return 0;
    }
    case VIDIOC_G_INPUT: *(int *)asked = 0; return 0;
    case VIDIOC_ENUMINPUT: {
      struct v4l2_input *input = asked;
      if (input->index) return refused(EINVAL);
      memset(input, 0, sizeof *input);
      input->type = V4L2_INPUT_TYPE_CAMERA;
      return 0;
    }
    case VIDIOC_ENUM_FMT: {
      struct v4l2_fmtdesc *format = asked;
      if (format->index) return refused(EINVAL);
      format->pixelformat = V4L2_PIX_FMT_YUYV;
      return 0;
    }
    case VIDIOC_G_FMT:
    case VIDIOC_S_FMT: {
      struct v4l2_pix_format *picture = &((struct v4l2_format *)asked)->fmt.pix;
      picture->width = WIDTH;
      picture->height = HEIGHT;
      picture->pixelformat = V4L2_PIX_FMT_YUYV;
      picture->field = V4L2_FIELD_NONE;
      picture->bytesperline = 2 * WIDTH;
      picture->sizeimage = SIZE;
      return 0;
    }
    case VIDIOC_G_PARM: {
      struct v4l2_captureparm *capture = &((struct v4l2_streamparm *)asked)->parm.capture;
      capture->timeperframe.numerator = 1;
      capture->timeperframe.denominator = 25;
      return 0;
    }
    case VIDIOC_REQBUFS: ((struct v4l2_requestbuffers *)asked)->count = BUFFERS; return 0;
    case VIDIOC_QUERYBUF: {
      struct v4l2_buffer *buffer = asked;
      buffer->length = SIZE;
      buffer->m.offset = buffer->index * STRIDE;
      return 0;
    }
    case VIDIOC_QBUF: queued[tail++ % 64] = ((struct v4l2_buffer *)asked)->index; return 0;
    case VIDIOC_DQBUF: return next_picture(asked);
    case VIDIOC_S_INPUT:
    case VIDIOC_STREAMON:
    case VIDIOC_STREAMOFF: return 0;
    default: return refused(EINVAL);
  }
}

int ioctl(int descriptor, unsigned long request, ...) {
  va_list rest;
  va_start(rest, request);
  void *asked = va_arg(rest, void *);
  va_end(rest);
  int (*real)(int, unsigned long, ...) = dlsym(RTLD_NEXT, "ioctl");
  if (descriptor >= 0 && descriptor == camera) return answer(request & 0xffffffff, asked);
  return real(descriptor, request, asked);
}
