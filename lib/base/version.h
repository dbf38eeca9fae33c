/* The release. */
#ifndef VERSION_H
#define VERSION_H

#define MOXQ_VERSION "0.1"

#endif
