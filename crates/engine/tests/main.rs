//! Whole calls in virtual time: engines, real peers, and a network that delays, loses and reorders.

mod attacks;
mod bandwidth;
mod codecs;
mod data;
mod egress;
mod join;
mod kit;
mod layers;
mod negotiation;
mod network;
mod player;
mod quality;
mod rooms;
mod rooms_apart;
mod security;
mod switching;
