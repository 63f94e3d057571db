TZ=UTC LC_ALL=C CSACONFIG=more/plain.conf ja -D 0 -s in/ja.file
