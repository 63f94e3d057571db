TZ=UTC LC_ALL=C CSACONFIG=more/plain.conf ja -c -j x in/ja.file
