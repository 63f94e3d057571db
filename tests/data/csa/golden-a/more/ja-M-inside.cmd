TZ=UTC LC_ALL=C CSACONFIG=more/plain.conf ja -c -M 7 in/ja.file
