// Package bus carries samples and commands over NATS: a server inside the process by default, or one named by URL.
package bus
