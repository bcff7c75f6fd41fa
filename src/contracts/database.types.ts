export type Json =
  | string
  | number
  | boolean
  | null
  | { [key: string]: Json | undefined }
  | Json[];

export type Database = {
  public: {
    Tables: {
      alert_deliveries: {
        Row: {
          alert: NonNullable<Json>;
          alert_id: string;
          attempts: number;
          claim_id: string | null;
          created_at: string;
          dead_at: string | null;
          delivered_at: string | null;
          error: string | null;
          host: string | null;
          id: string;
          lease_expires_at: string | null;
          lease_token: number;
          next_attempt: string | null;
          transition: string;
        };
        ComputedFields: never;
        Insert: {
          alert: NonNullable<Json>;
          alert_id: string;
          attempts?: number;
          claim_id?: string | null;
          created_at?: string;
          dead_at?: string | null;
          delivered_at?: string | null;
          error?: string | null;
          host?: string | null;
          id: string;
          lease_expires_at?: string | null;
          lease_token?: number;
          next_attempt?: string | null;
          transition: string;
        };
        Update: {
          alert?: NonNullable<Json>;
          alert_id?: string;
          attempts?: number;
          claim_id?: string | null;
          created_at?: string;
          dead_at?: string | null;
          delivered_at?: string | null;
          error?: string | null;
          host?: string | null;
          id?: string;
          lease_expires_at?: string | null;
          lease_token?: number;
          next_attempt?: string | null;
          transition?: string;
        };
        Relationships: [
          {
            foreignKeyName: "alert_deliveries_alert_id_fkey";
            columns: ["alert_id"];
            isOneToOne: false;
            referencedRelation: "alerts";
            referencedColumns: ["id"];
          },
        ];
      };
      alert_silences: {
        Row: {
          author: string;
          created_at: string;
          ended_at: string | null;
          ended_by: string | null;
          id: string;
          reason: string;
          rule: string | null;
          subject: string | null;
          until: string;
        };
        ComputedFields: never;
        Insert: {
          author: string;
          created_at?: string;
          ended_at?: string | null;
          ended_by?: string | null;
          id?: string;
          reason: string;
          rule?: string | null;
          subject?: string | null;
          until: string;
        };
        Update: {
          author?: string;
          created_at?: string;
          ended_at?: string | null;
          ended_by?: string | null;
          id?: string;
          reason?: string;
          rule?: string | null;
          subject?: string | null;
          until?: string;
        };
        Relationships: [];
      };
      alerts: {
        Row: {
          affected: number;
          facts: NonNullable<Json>;
          fired_at: string | null;
          good_since: string | null;
          id: string;
          last_value: number;
          notified_at: string | null;
          pending_since: string;
          resolved_at: string | null;
          rule: string;
          seen_at: string;
          severity: string;
          state: string;
          subject: string;
        };
        ComputedFields: never;
        Insert: {
          affected: number;
          facts?: NonNullable<Json>;
          fired_at?: string | null;
          good_since?: string | null;
          id?: string;
          last_value: number;
          notified_at?: string | null;
          pending_since?: string;
          resolved_at?: string | null;
          rule: string;
          seen_at?: string;
          severity: string;
          state?: string;
          subject?: string;
        };
        Update: {
          affected?: number;
          facts?: NonNullable<Json>;
          fired_at?: string | null;
          good_since?: string | null;
          id?: string;
          last_value?: number;
          notified_at?: string | null;
          pending_since?: string;
          resolved_at?: string | null;
          rule?: string;
          seen_at?: string;
          severity?: string;
          state?: string;
          subject?: string;
        };
        Relationships: [];
      };
      greeting_reports: {
        Row: {
          created_at: string;
          id: string;
          research_metadata: NonNullable<Json>;
          research_report: string | null;
          research_status: Database["public"]["Enums"]["research_status"];
          stage: string | null;
          summary_id: string | null;
          updated_at: string;
          user_data: NonNullable<Json>;
          user_id: string;
          webhook_attempts: number | null;
          webhook_job_id: string | null;
          webhook_last_attempt: string | null;
          webhook_response: Json | null;
          webhook_status: string | null;
          winner_event_id: string | null;
        };
        ComputedFields: never;
        Insert: {
          created_at?: string;
          id?: string;
          research_metadata?: NonNullable<Json>;
          research_report?: string | null;
          research_status?: Database["public"]["Enums"]["research_status"];
          stage?: string | null;
          summary_id?: string | null;
          updated_at?: string;
          user_data?: NonNullable<Json>;
          user_id: string;
          webhook_attempts?: number | null;
          webhook_job_id?: string | null;
          webhook_last_attempt?: string | null;
          webhook_response?: Json | null;
          webhook_status?: string | null;
          winner_event_id?: string | null;
        };
        Update: {
          created_at?: string;
          id?: string;
          research_metadata?: NonNullable<Json>;
          research_report?: string | null;
          research_status?: Database["public"]["Enums"]["research_status"];
          stage?: string | null;
          summary_id?: string | null;
          updated_at?: string;
          user_data?: NonNullable<Json>;
          user_id?: string;
          webhook_attempts?: number | null;
          webhook_job_id?: string | null;
          webhook_last_attempt?: string | null;
          webhook_response?: Json | null;
          webhook_status?: string | null;
          winner_event_id?: string | null;
        };
        Relationships: [
          {
            foreignKeyName: "greeting_reports_summary_id_fkey";
            columns: ["summary_id"];
            isOneToOne: false;
            referencedRelation: "polaris_summaries";
            referencedColumns: ["id"];
          },
          {
            foreignKeyName: "greeting_reports_winner_event_id_fkey";
            columns: ["winner_event_id"];
            isOneToOne: false;
            referencedRelation: "report_events";
            referencedColumns: ["id"];
          },
        ];
      };
      operators: {
        Row: { created_at: string; user_id: string };
        ComputedFields: never;
        Insert: { created_at?: string; user_id: string };
        Update: { created_at?: string; user_id?: string };
        Relationships: [];
      };
      org_reports: {
        Row: {
          created_at: string;
          id: string;
          research_metadata: NonNullable<Json>;
          research_report: string | null;
          research_status: Database["public"]["Enums"]["research_status"];
          stage: string | null;
          summary_id: string | null;
          updated_at: string;
          user_data: NonNullable<Json>;
          user_id: string;
          webhook_attempts: number | null;
          webhook_job_id: string | null;
          webhook_last_attempt: string | null;
          webhook_response: Json | null;
          webhook_status: string | null;
          winner_event_id: string | null;
        };
        ComputedFields: never;
        Insert: {
          created_at?: string;
          id?: string;
          research_metadata?: NonNullable<Json>;
          research_report?: string | null;
          research_status?: Database["public"]["Enums"]["research_status"];
          stage?: string | null;
          summary_id?: string | null;
          updated_at?: string;
          user_data?: NonNullable<Json>;
          user_id: string;
          webhook_attempts?: number | null;
          webhook_job_id?: string | null;
          webhook_last_attempt?: string | null;
          webhook_response?: Json | null;
          webhook_status?: string | null;
          winner_event_id?: string | null;
        };
        Update: {
          created_at?: string;
          id?: string;
          research_metadata?: NonNullable<Json>;
          research_report?: string | null;
          research_status?: Database["public"]["Enums"]["research_status"];
          stage?: string | null;
          summary_id?: string | null;
          updated_at?: string;
          user_data?: NonNullable<Json>;
          user_id?: string;
          webhook_attempts?: number | null;
          webhook_job_id?: string | null;
          webhook_last_attempt?: string | null;
          webhook_response?: Json | null;
          webhook_status?: string | null;
          winner_event_id?: string | null;
        };
        Relationships: [
          {
            foreignKeyName: "org_reports_summary_id_fkey";
            columns: ["summary_id"];
            isOneToOne: false;
            referencedRelation: "polaris_summaries";
            referencedColumns: ["id"];
          },
          {
            foreignKeyName: "org_reports_winner_event_id_fkey";
            columns: ["winner_event_id"];
            isOneToOne: false;
            referencedRelation: "report_events";
            referencedColumns: ["id"];
          },
        ];
      };
      plans: {
        Row: {
          actor: string;
          applied_at: string | null;
          applied_xid: unknown;
          cancelled_by: string | null;
          created_at: string;
          faults: number;
          filter: NonNullable<Json>;
          finished_at: string | null;
          id: number;
          kind: string;
          last_error: string | null;
          name: string;
          next_slice_at: string;
          outcomes: NonNullable<Json>;
          passes: number;
          position: Json | null;
          preview: Json | null;
          reason: string;
          request_id: string;
          status: string;
          total: number | null;
        };
        ComputedFields: never;
        Insert: {
          actor: string;
          applied_at?: string | null;
          applied_xid?: unknown;
          cancelled_by?: string | null;
          created_at?: string;
          faults?: number;
          filter: NonNullable<Json>;
          finished_at?: string | null;
          id?: never;
          kind: string;
          last_error?: string | null;
          name: string;
          next_slice_at?: string;
          outcomes?: NonNullable<Json>;
          passes?: number;
          position?: Json | null;
          preview?: Json | null;
          reason: string;
          request_id: string;
          status?: string;
          total?: number | null;
        };
        Update: {
          actor?: string;
          applied_at?: string | null;
          applied_xid?: unknown;
          cancelled_by?: string | null;
          created_at?: string;
          faults?: number;
          filter?: NonNullable<Json>;
          finished_at?: string | null;
          id?: never;
          kind?: string;
          last_error?: string | null;
          name?: string;
          next_slice_at?: string;
          outcomes?: NonNullable<Json>;
          passes?: number;
          position?: Json | null;
          preview?: Json | null;
          reason?: string;
          request_id?: string;
          status?: string;
          total?: number | null;
        };
        Relationships: [];
      };
      polaris_summaries: {
        Row: {
          ai_edits_enabled: boolean | null;
          company_name: string | null;
          created_at: string;
          dynamic_questionnaire_report: string | null;
          edited_content: string | null;
          greeting_report: string | null;
          id: string;
          is_edited: boolean | null;
          is_public: boolean | null;
          last_edited_at: string | null;
          max_ai_edits: number | null;
          org_report: string | null;
          prelim_report: string | null;
          report_title: string | null;
          requirement_report: string | null;
          stage1_answers: NonNullable<Json>;
          stage2_answers: NonNullable<Json>;
          stage2_questions: NonNullable<Json>;
          stage3_answers: NonNullable<Json>;
          stage3_questions: NonNullable<Json>;
          summary_content: string;
          user_id: string;
        };
        ComputedFields: never;
        Insert: {
          ai_edits_enabled?: boolean | null;
          company_name?: string | null;
          created_at?: string;
          dynamic_questionnaire_report?: string | null;
          edited_content?: string | null;
          greeting_report?: string | null;
          id?: string;
          is_edited?: boolean | null;
          is_public?: boolean | null;
          last_edited_at?: string | null;
          max_ai_edits?: number | null;
          org_report?: string | null;
          prelim_report?: string | null;
          report_title?: string | null;
          requirement_report?: string | null;
          stage1_answers?: NonNullable<Json>;
          stage2_answers?: NonNullable<Json>;
          stage2_questions?: NonNullable<Json>;
          stage3_answers?: NonNullable<Json>;
          stage3_questions?: NonNullable<Json>;
          summary_content: string;
          user_id: string;
        };
        Update: {
          ai_edits_enabled?: boolean | null;
          company_name?: string | null;
          created_at?: string;
          dynamic_questionnaire_report?: string | null;
          edited_content?: string | null;
          greeting_report?: string | null;
          id?: string;
          is_edited?: boolean | null;
          is_public?: boolean | null;
          last_edited_at?: string | null;
          max_ai_edits?: number | null;
          org_report?: string | null;
          prelim_report?: string | null;
          report_title?: string | null;
          requirement_report?: string | null;
          stage1_answers?: NonNullable<Json>;
          stage2_answers?: NonNullable<Json>;
          stage2_questions?: NonNullable<Json>;
          stage3_answers?: NonNullable<Json>;
          stage3_questions?: NonNullable<Json>;
          summary_content?: string;
          user_id?: string;
        };
        Relationships: [];
      };
      report_events: {
        Row: {
          applied_at: string | null;
          applied_xid: unknown;
          bulk: boolean;
          channel: string | null;
          created_at: string;
          digest: string;
          effect: string | null;
          erased_at: string | null;
          error: string | null;
          id: string;
          job_id: string | null;
          position: number | null;
          report_id: string;
          report_type: string;
          requested_at: string;
          settings_revision: number | null;
          stage: string;
          status: string;
          trace_id: string | null;
          type: string;
        };
        ComputedFields: never;
        Insert: {
          applied_at?: string | null;
          applied_xid?: unknown;
          bulk?: boolean;
          channel?: string | null;
          created_at?: string;
          digest: string;
          effect?: string | null;
          erased_at?: string | null;
          error?: string | null;
          id: string;
          job_id?: string | null;
          position?: number | null;
          report_id: string;
          report_type: string;
          requested_at: string;
          settings_revision?: number | null;
          stage: string;
          status?: never;
          trace_id?: string | null;
          type: string;
        };
        Update: {
          applied_at?: string | null;
          applied_xid?: unknown;
          bulk?: boolean;
          channel?: string | null;
          created_at?: string;
          digest?: string;
          effect?: string | null;
          erased_at?: string | null;
          error?: string | null;
          id?: string;
          job_id?: string | null;
          position?: number | null;
          report_id?: string;
          report_type?: string;
          requested_at?: string;
          settings_revision?: number | null;
          stage?: string;
          status?: never;
          trace_id?: string | null;
          type?: string;
        };
        Relationships: [];
      };
      report_jobs: {
        Row: {
          completed_at: string | null;
          created_at: string | null;
          error: string | null;
          eta_seconds: number | null;
          expires_at: string | null;
          id: string;
          idempotency_key: string | null;
          job_id: string;
          max_tokens: number | null;
          metadata: Json | null;
          model: string | null;
          percent: number | null;
          prompt: string | null;
          result: string | null;
          started_at: string | null;
          status: string;
          summary_id: string | null;
          temperature: number | null;
          updated_at: string | null;
          user_id: string | null;
          webhook_attempts: number | null;
          webhook_last_attempt: string | null;
          webhook_metadata: Json | null;
          webhook_response: Json | null;
          webhook_status: string | null;
          webhook_url: string | null;
        };
        ComputedFields: never;
        Insert: {
          completed_at?: string | null;
          created_at?: string | null;
          error?: string | null;
          eta_seconds?: number | null;
          expires_at?: string | null;
          id?: string;
          idempotency_key?: string | null;
          job_id: string;
          max_tokens?: number | null;
          metadata?: Json | null;
          model?: string | null;
          percent?: number | null;
          prompt?: string | null;
          result?: string | null;
          started_at?: string | null;
          status?: string;
          summary_id?: string | null;
          temperature?: number | null;
          updated_at?: string | null;
          user_id?: string | null;
          webhook_attempts?: number | null;
          webhook_last_attempt?: string | null;
          webhook_metadata?: Json | null;
          webhook_response?: Json | null;
          webhook_status?: string | null;
          webhook_url?: string | null;
        };
        Update: {
          completed_at?: string | null;
          created_at?: string | null;
          error?: string | null;
          eta_seconds?: number | null;
          expires_at?: string | null;
          id?: string;
          idempotency_key?: string | null;
          job_id?: string;
          max_tokens?: number | null;
          metadata?: Json | null;
          model?: string | null;
          percent?: number | null;
          prompt?: string | null;
          result?: string | null;
          started_at?: string | null;
          status?: string;
          summary_id?: string | null;
          temperature?: number | null;
          updated_at?: string | null;
          user_id?: string | null;
          webhook_attempts?: number | null;
          webhook_last_attempt?: string | null;
          webhook_metadata?: Json | null;
          webhook_response?: Json | null;
          webhook_status?: string | null;
          webhook_url?: string | null;
        };
        Relationships: [
          {
            foreignKeyName: "report_jobs_summary_id_fkey";
            columns: ["summary_id"];
            isOneToOne: false;
            referencedRelation: "polaris_summaries";
            referencedColumns: ["id"];
          },
        ];
      };
      report_notifications: {
        Row: {
          created_at: string;
          event_id: string;
          id: number;
          read_at: string | null;
          report_id: string;
          report_type: string;
          user_id: string;
        };
        ComputedFields: never;
        Insert: {
          created_at?: string;
          event_id: string;
          id?: never;
          read_at?: string | null;
          report_id: string;
          report_type: string;
          user_id: string;
        };
        Update: {
          created_at?: string;
          event_id?: string;
          id?: never;
          read_at?: string | null;
          report_id?: string;
          report_type?: string;
          user_id?: string;
        };
        Relationships: [
          {
            foreignKeyName: "report_notifications_event_id_fkey";
            columns: ["event_id"];
            isOneToOne: true;
            referencedRelation: "report_events";
            referencedColumns: ["id"];
          },
        ];
      };
      report_types: {
        Row: { report_type: string; table_name: string };
        ComputedFields: never;
        Insert: { report_type: string; table_name: string };
        Update: { report_type?: string; table_name?: string };
        Relationships: [];
      };
      requirement_reports: {
        Row: {
          created_at: string;
          id: string;
          research_metadata: NonNullable<Json>;
          research_report: string | null;
          research_status: Database["public"]["Enums"]["research_status"];
          stage: string | null;
          summary_id: string | null;
          updated_at: string;
          user_data: NonNullable<Json>;
          user_id: string;
          webhook_attempts: number | null;
          webhook_job_id: string | null;
          webhook_last_attempt: string | null;
          webhook_response: Json | null;
          webhook_status: string | null;
          winner_event_id: string | null;
        };
        ComputedFields: never;
        Insert: {
          created_at?: string;
          id?: string;
          research_metadata?: NonNullable<Json>;
          research_report?: string | null;
          research_status?: Database["public"]["Enums"]["research_status"];
          stage?: string | null;
          summary_id?: string | null;
          updated_at?: string;
          user_data?: NonNullable<Json>;
          user_id: string;
          webhook_attempts?: number | null;
          webhook_job_id?: string | null;
          webhook_last_attempt?: string | null;
          webhook_response?: Json | null;
          webhook_status?: string | null;
          winner_event_id?: string | null;
        };
        Update: {
          created_at?: string;
          id?: string;
          research_metadata?: NonNullable<Json>;
          research_report?: string | null;
          research_status?: Database["public"]["Enums"]["research_status"];
          stage?: string | null;
          summary_id?: string | null;
          updated_at?: string;
          user_data?: NonNullable<Json>;
          user_id?: string;
          webhook_attempts?: number | null;
          webhook_job_id?: string | null;
          webhook_last_attempt?: string | null;
          webhook_response?: Json | null;
          webhook_status?: string | null;
          winner_event_id?: string | null;
        };
        Relationships: [
          {
            foreignKeyName: "requirement_reports_summary_id_fkey";
            columns: ["summary_id"];
            isOneToOne: false;
            referencedRelation: "polaris_summaries";
            referencedColumns: ["id"];
          },
          {
            foreignKeyName: "requirement_reports_winner_event_id_fkey";
            columns: ["winner_event_id"];
            isOneToOne: false;
            referencedRelation: "report_events";
            referencedColumns: ["id"];
          },
        ];
      };
      webhook_audit: {
        Row: {
          actor: string | null;
          attempt_number: number | null;
          body_bytes: number | null;
          body_sha256: string | null;
          created_at: string;
          delivery_id: number | null;
          direction: string;
          duration_ms: number | null;
          endpoint_id: string | null;
          error_message: string | null;
          event_id: string | null;
          id: string;
          job_id: string | null;
          outcome: string | null;
          report_id: string | null;
          report_table: string | null;
          request_payload: Json | null;
          response_body: Json | null;
          response_status: number | null;
          round: number | null;
          span_id: string | null;
          trace_id: string | null;
          webhook_type: string | null;
        };
        ComputedFields: never;
        Insert: {
          actor?: string | null;
          attempt_number?: number | null;
          body_bytes?: number | null;
          body_sha256?: string | null;
          created_at?: string;
          delivery_id?: number | null;
          direction?: string;
          duration_ms?: number | null;
          endpoint_id?: string | null;
          error_message?: string | null;
          event_id?: string | null;
          id?: string;
          job_id?: string | null;
          outcome?: string | null;
          report_id?: string | null;
          report_table?: string | null;
          request_payload?: Json | null;
          response_body?: Json | null;
          response_status?: number | null;
          round?: number | null;
          span_id?: string | null;
          trace_id?: string | null;
          webhook_type?: string | null;
        };
        Update: {
          actor?: string | null;
          attempt_number?: number | null;
          body_bytes?: number | null;
          body_sha256?: string | null;
          created_at?: string;
          delivery_id?: number | null;
          direction?: string;
          duration_ms?: number | null;
          endpoint_id?: string | null;
          error_message?: string | null;
          event_id?: string | null;
          id?: string;
          job_id?: string | null;
          outcome?: string | null;
          report_id?: string | null;
          report_table?: string | null;
          request_payload?: Json | null;
          response_body?: Json | null;
          response_status?: number | null;
          round?: number | null;
          span_id?: string | null;
          trace_id?: string | null;
          webhook_type?: string | null;
        };
        Relationships: [];
      };
      webhook_circuits: {
        Row: {
          closed_at: string;
          endpoint_id: string;
          opened_at: string | null;
          probe_after: string | null;
          probe_delivery_id: number | null;
          probe_lease_expires_at: string | null;
          probe_token: number | null;
        };
        ComputedFields: never;
        Insert: {
          closed_at?: string;
          endpoint_id: string;
          opened_at?: string | null;
          probe_after?: string | null;
          probe_delivery_id?: number | null;
          probe_lease_expires_at?: string | null;
          probe_token?: number | null;
        };
        Update: {
          closed_at?: string;
          endpoint_id?: string;
          opened_at?: string | null;
          probe_after?: string | null;
          probe_delivery_id?: number | null;
          probe_lease_expires_at?: string | null;
          probe_token?: number | null;
        };
        Relationships: [
          {
            foreignKeyName: "webhook_circuits_endpoint_id_fkey";
            columns: ["endpoint_id"];
            isOneToOne: true;
            referencedRelation: "webhook_endpoints";
            referencedColumns: ["id"];
          },
        ];
      };
      webhook_counts: {
        Row: {
          direction: string;
          endpoint_id: string;
          outcome: string;
          report_type: string | null;
          reports_failure: boolean;
          requests: number;
          slot: string;
          slot_minutes: number;
        };
        ComputedFields: never;
        Insert: {
          direction: string;
          endpoint_id: string;
          outcome: string;
          report_type?: string | null;
          reports_failure?: boolean;
          requests: number;
          slot: string;
          slot_minutes: number;
        };
        Update: {
          direction?: string;
          endpoint_id?: string;
          outcome?: string;
          report_type?: string | null;
          reports_failure?: boolean;
          requests?: number;
          slot?: string;
          slot_minutes?: number;
        };
        Relationships: [];
      };
      webhook_deliveries: {
        Row: {
          attempts: number;
          body: string;
          claim_id: string | null;
          claimed_at: string | null;
          counted_on_arrival: boolean;
          created_at: string;
          created_xid: unknown;
          dead_at: string | null;
          dead_reason: string | null;
          endpoint_id: string;
          event_id: string;
          format_version: number;
          id: number;
          job_id: string | null;
          last_attempt: string | null;
          lease_expires_at: string | null;
          lease_token: number;
          next_attempt: string | null;
          plan: number;
          position: number | null;
          redrives: number;
          report_id: string;
          report_type: string;
          response: NonNullable<Json>;
          rounds: number;
          status: string;
          status_before_claim: string | null;
          waits_for: number | null;
        };
        ComputedFields: never;
        Insert: {
          attempts?: number;
          body?: string;
          claim_id?: string | null;
          claimed_at?: string | null;
          counted_on_arrival?: boolean;
          created_at?: string;
          created_xid?: unknown;
          dead_at?: string | null;
          dead_reason?: string | null;
          endpoint_id: string;
          event_id: string;
          format_version?: number;
          id?: never;
          job_id?: string | null;
          last_attempt?: string | null;
          lease_expires_at?: string | null;
          lease_token?: number;
          next_attempt?: string | null;
          plan?: number;
          position?: number | null;
          redrives?: number;
          report_id: string;
          report_type: string;
          response?: NonNullable<Json>;
          rounds?: number;
          status?: string;
          status_before_claim?: string | null;
          waits_for?: number | null;
        };
        Update: {
          attempts?: number;
          body?: string;
          claim_id?: string | null;
          claimed_at?: string | null;
          counted_on_arrival?: boolean;
          created_at?: string;
          created_xid?: unknown;
          dead_at?: string | null;
          dead_reason?: string | null;
          endpoint_id?: string;
          event_id?: string;
          format_version?: number;
          id?: never;
          job_id?: string | null;
          last_attempt?: string | null;
          lease_expires_at?: string | null;
          lease_token?: number;
          next_attempt?: string | null;
          plan?: number;
          position?: number | null;
          redrives?: number;
          report_id?: string;
          report_type?: string;
          response?: NonNullable<Json>;
          rounds?: number;
          status?: string;
          status_before_claim?: string | null;
          waits_for?: number | null;
        };
        Relationships: [
          {
            foreignKeyName: "webhook_deliveries_event_id_fkey";
            columns: ["event_id"];
            isOneToOne: false;
            referencedRelation: "report_events";
            referencedColumns: ["id"];
          },
        ];
      };
      webhook_endpoints: {
        Row: {
          created_at: string;
          expects: string;
          id: string;
          kind: string;
          stage: string | null;
        };
        ComputedFields: never;
        Insert: {
          created_at?: string;
          expects: string;
          id: string;
          kind: string;
          stage?: string | null;
        };
        Update: {
          created_at?: string;
          expects?: string;
          id?: string;
          kind?: string;
          stage?: string | null;
        };
        Relationships: [];
      };
      webhook_latencies: {
        Row: {
          bucket: number;
          direction: string;
          endpoint_id: string;
          requests: number;
          slot: string;
          slot_minutes: number;
        };
        ComputedFields: never;
        Insert: {
          bucket: number;
          direction: string;
          endpoint_id: string;
          requests: number;
          slot: string;
          slot_minutes: number;
        };
        Update: {
          bucket?: number;
          direction?: string;
          endpoint_id?: string;
          requests?: number;
          slot?: string;
          slot_minutes?: number;
        };
        Relationships: [];
      };
      webhook_refusals: {
        Row: { minute: string; part: number; requests: number };
        ComputedFields: never;
        Insert: { minute: string; part?: number; requests: number };
        Update: { minute?: string; part?: number; requests?: number };
        Relationships: [];
      };
      webhook_roll_up: {
        Row: { only_row: boolean; rolled_up_until: string };
        ComputedFields: never;
        Insert: { only_row?: boolean; rolled_up_until?: string };
        Update: { only_row?: boolean; rolled_up_until?: string };
        Relationships: [];
      };
    };
    Views: { [_ in never]: never };
    Functions: {
      account_content: { Args: { p_user: string }; Returns: Json };
      apply_plan: {
        Args: { p_actor: string; p_plan_id: number };
        Returns: Json;
      };
      apply_report_event: {
        Args: {
          p_body?: string;
          p_body_bytes?: number;
          p_body_sha256?: string;
          p_cap_per_minute?: number;
          p_channel?: string;
          p_elapsed_ms?: number;
          p_endpoint_id?: string;
          p_event_id: string;
          p_sender?: string;
          p_span_id?: string;
          p_trace_id?: string;
        };
        Returns: Json;
      };
      apply_report_events: {
        Args: { p_cap_per_minute?: number; p_events: Json; p_sender?: string };
        Returns: Json;
      };
      begin_endpoint_check: {
        Args: {
          p_actor: string;
          p_claim_id?: string;
          p_endpoint_id: string;
          p_host: string;
        };
        Returns: Json;
      };
      cancel_plan: {
        Args: { p_actor: string; p_plan_id: number };
        Returns: Json;
      };
      cancel_report_job: {
        Args: { p_caller: string; p_job_id: string };
        Returns: Json;
      };
      change_endpoint: {
        Args: {
          p_actor: string;
          p_change: string;
          p_endpoint_id: string;
          p_filter_path?: string;
          p_revision: number;
          p_settings: Json;
        };
        Returns: Json;
      };
      claim_alert_delivery: {
        Args: { p_claim_id?: string; p_lease_seconds: number };
        Returns: Json;
      };
      claim_due_deliveries: {
        Args: {
          p_claim_id?: string;
          p_lease_seconds: number;
          p_left_out?: number[];
          p_limit: number;
          p_outward: number;
        };
        Returns: Json;
      };
      claim_due_delivery: {
        Args: {
          p_claim_id?: string;
          p_lease_seconds: number;
          p_left_out?: number[];
        };
        Returns: Json;
      };
      claim_event_deliveries: {
        Args: {
          p_claim_id: string;
          p_event_id: string;
          p_lease_seconds: number;
          p_limit: number;
        };
        Returns: Json;
      };
      claim_ping: { Args: Record<PropertyKey, never>; Returns: boolean };
      claim_report_delivery: {
        Args: {
          p_claim_id?: string;
          p_endpoint_id?: string;
          p_event_id?: string;
          p_lease_seconds: number;
          p_report_id: string;
          p_report_type: string;
        };
        Returns: Json;
      };
      cleanup_expired_report_jobs: {
        Args: Record<PropertyKey, never>;
        Returns: undefined;
      };
      complete_report_job: {
        Args: {
          p_delivery_lease_seconds: number;
          p_error?: string;
          p_final_data?: string;
          p_job_id: string;
          p_lease_token?: number;
          p_research_metadata?: string;
          p_research_report?: string;
          p_status: string;
        };
        Returns: Json;
      };
      console_status: { Args: Record<PropertyKey, never>; Returns: Json };
      create_endpoint: {
        Args: {
          p_actor: string;
          p_endpoint_id: string;
          p_filter_path?: string;
          p_read_token_sha256: string;
          p_request_id: string;
          p_sealed_secret: string;
          p_settings: Json;
          p_start_at?: string;
        };
        Returns: Json;
      };
      delivery_backlog: { Args: Record<PropertyKey, never>; Returns: Json };
      delivery_causes: { Args: Record<PropertyKey, never>; Returns: Json };
      deployment_facts: { Args: { p_with_rights?: boolean }; Returns: Json };
      due_report_jobs: { Args: { p_limit: number }; Returns: string[] };
      end_silence: { Args: { p_id: string }; Returns: boolean };
      endpoint_history: { Args: { p_endpoint_id: string }; Returns: Json };
      erase_due: {
        Args: { p_limit: number; p_user_id?: string };
        Returns: Json;
      };
      erase_user: {
        Args: { p_limit: number; p_user_id: string };
        Returns: Json;
      };
      evaluate_alerts: {
        Args: {
          p_function_time?: string;
          p_notify: boolean;
          p_secrets?: Json;
          p_unless_swept?: boolean;
        };
        Returns: Json;
      };
      event_body: { Args: { p_event_id: string }; Returns: string };
      event_samples: {
        Args: {
          p_endpoint_id?: string;
          p_filter_path?: string;
          p_limit: number;
          p_paths?: string[];
        };
        Returns: Json;
      };
      event_timeline: { Args: { p_event_id: string }; Returns: Json };
      explain_fan_out: {
        Args: { p_endpoint_id: string; p_event_id: string; p_paths?: string[] };
        Returns: Json;
      };
      get_failed_webhooks: {
        Args: { max_attempts?: number; retry_after_minutes?: number };
        Returns: {
          job_id: string;
          last_attempt: string;
          record_id: string;
          table_name: string;
          webhook_attempts: number;
        }[];
      };
      get_report_job: {
        Args: { p_caller: string; p_job_id: string };
        Returns: Json;
      };
      import_reports: { Args: { p_limit: number }; Returns: Json };
      keep_subscribers: {
        Args: { p_limit: number; p_pause_max_days: number };
        Returns: Json;
      };
      list_actors: { Args: Record<PropertyKey, never>; Returns: Json };
      list_alerts: {
        Args: {
          p_after?: string;
          p_before?: string;
          p_cursor_at?: string;
          p_cursor_id?: string;
          p_id?: string;
          p_limit?: number;
          p_rule?: string;
          p_subject?: string;
        };
        Returns: Json;
      };
      list_all_reports: {
        Args: {
          p_cursor_at?: string;
          p_cursor_id?: string;
          p_limit?: number;
          p_owner?: string;
          p_report_type?: string;
          p_state?: string;
        };
        Returns: Json;
      };
      list_endpoints: {
        Args: { p_endpoint_id?: string; p_with_removed?: boolean };
        Returns: Json;
      };
      list_jobs: {
        Args: {
          p_after?: string;
          p_before?: string;
          p_cursor_at?: string;
          p_cursor_id?: string;
          p_limit?: number;
          p_owner?: string;
          p_report_type?: string;
          p_stage?: string;
          p_state?: string;
        };
        Returns: Json;
      };
      list_notifications: {
        Args: { p_before?: number; p_limit?: number; p_unread?: boolean };
        Returns: Json;
      };
      list_open_deliveries: {
        Args: {
          p_after?: string;
          p_before?: string;
          p_cause?: string;
          p_cursor_at?: string;
          p_cursor_id?: string;
          p_dead_reason?: string;
          p_endpoint_id?: string;
          p_error?: string;
          p_limit?: number;
          p_report_type?: string;
          p_response_status?: string;
          p_stage?: string;
          p_status?: string;
        };
        Returns: Json;
      };
      list_plans: {
        Args: {
          p_cursor_at?: string;
          p_cursor_id?: string;
          p_kinds?: string[];
          p_limit?: number;
        };
        Returns: Json;
      };
      list_report_jobs: {
        Args: {
          p_cursor_at?: string;
          p_cursor_id?: string;
          p_limit?: number;
          p_report_id?: string;
          p_report_type?: string;
          p_scope?: string;
        };
        Returns: Json;
      };
      list_reports: {
        Args: {
          p_cursor_at?: string;
          p_cursor_id?: string;
          p_limit?: number;
          p_report_type?: string;
          p_scope?: string;
        };
        Returns: Json;
      };
      list_webhook_audit: {
        Args: {
          p_actor?: string;
          p_after?: string;
          p_before?: string;
          p_cursor_at?: string;
          p_cursor_id?: string;
          p_direction?: string;
          p_limit?: number;
          p_outcome?: string;
          p_response_status?: string;
          p_search?: string;
        };
        Returns: Json;
      };
      metrics: { Args: Record<PropertyKey, never>; Returns: Json };
      move_endpoint: {
        Args: { p_actor: string; p_endpoint_id: string; p_state: string };
        Returns: Json;
      };
      pause_unreadable_endpoint: {
        Args: { p_endpoint_id: string };
        Returns: undefined;
      };
      prune_expired: {
        Args: {
          p_after?: Json;
          p_audit_days: number;
          p_job_days: number;
          p_limit: number;
          p_pause_max_days?: number;
          p_payload_days: number;
        };
        Returns: Json;
      };
      read_events: {
        Args: {
          p_after?: Json;
          p_event_id?: string;
          p_limit: number;
          p_read_token_sha256: string;
        };
        Returns: Json;
      };
      record_alert_attempt: {
        Args: {
          p_delivered: boolean;
          p_error?: string;
          p_host?: string;
          p_id: string;
          p_token: number;
        };
        Returns: undefined;
      };
      record_delivered_rounds: { Args: { p_rounds: Json }; Returns: Json };
      record_delivery_attempts: {
        Args: {
          p_attempts: Json;
          p_delivery_id: number;
          p_delivery_token: number;
          p_result: string;
          p_retry_after_seconds?: number;
        };
        Returns: Json;
      };
      record_endpoint_check: {
        Args: { p_check_id: number; p_passed: boolean; p_probes: Json };
        Returns: Json;
      };
      record_ping: { Args: { p_ping_id: string }; Returns: Json };
      record_ping_results: { Args: { p_results: Json }; Returns: undefined };
      record_sweep: { Args: { p_sweep_id: string }; Returns: number };
      record_webhook_request: {
        Args: {
          p_cap_per_minute: number;
          p_request: Json;
          p_verified: boolean;
        };
        Returns: boolean;
      };
      redrive_deliveries: {
        Args: {
          p_actor: string;
          p_claim_id?: string;
          p_filter: Json;
          p_limit: number;
        };
        Returns: number;
      };
      release_deliveries: { Args: { p_limit: number }; Returns: number };
      repeat_report_job: {
        Args: {
          p_caller: string;
          p_job_id: string;
          p_lease_seconds: number;
          p_models?: string[];
          p_project_budget?: number;
          p_quota: number;
          p_repeated_job_id: string;
          p_reportless?: boolean;
          p_trace_id?: string;
          p_user_budget?: number;
        };
        Returns: Json;
      };
      replace_endpoint_secret: {
        Args: {
          p_actor: string;
          p_endpoint_id: string;
          p_overlap_seconds: number;
          p_sealed_secret: string;
        };
        Returns: Json;
      };
      replace_read_token: {
        Args: {
          p_actor: string;
          p_endpoint_id: string;
          p_read_token_sha256: string;
        };
        Returns: Json;
      };
      report_history: {
        Args: { p_report_id: string; p_report_type: string };
        Returns: Json;
      };
      report_job_progress: {
        Args: {
          p_eta_seconds?: number;
          p_job_id: string;
          p_lease_seconds: number;
          p_lease_token: number;
          p_percent: number;
        };
        Returns: boolean;
      };
      report_results: {
        Args: { p_report_id: string; p_report_type: string };
        Returns: Json;
      };
      report_usage: {
        Args: {
          p_cpu_ms: number;
          p_function: string;
          p_invocations: number;
          p_memory_bytes: number;
        };
        Returns: boolean;
      };
      report_webhook_status: {
        Args: { p_report_id: string; p_report_type: string };
        Returns: Json;
      };
      request_plan: {
        Args: {
          p_actor: string;
          p_filter: Json;
          p_kind: string;
          p_name: string;
          p_reason: string;
          p_request_id: string;
        };
        Returns: Json;
      };
      request_report_job: {
        Args: {
          p_caller: string;
          p_generate: boolean;
          p_idempotency_key?: string;
          p_job_id: string;
          p_lease_seconds: number;
          p_max_tokens?: number;
          p_metadata?: string;
          p_model?: string;
          p_models?: string[];
          p_once_per_report?: boolean;
          p_project_budget?: number;
          p_prompt: string;
          p_quota: number;
          p_report_id?: string;
          p_report_type?: string;
          p_stage?: string;
          p_summary_id?: string;
          p_temperature?: number;
          p_trace_id?: string;
          p_user_budget?: number;
        };
        Returns: Json;
      };
      roll_up_webhooks: { Args: { p_limit: number }; Returns: number };
      search_console: { Args: { p_text: string }; Returns: Json };
      silence_alert: {
        Args: {
          p_reason: string;
          p_rule?: string;
          p_subject?: string;
          p_until: string;
        };
        Returns: string;
      };
      subscriber_secrets: { Args: Record<PropertyKey, never>; Returns: Json };
      take_over_report_job: {
        Args: {
          p_claim_id?: string;
          p_job_id: string;
          p_lease_seconds: number;
          p_max_take_overs: number;
          p_models?: string[];
        };
        Returns: Json;
      };
      take_sender_token: { Args: { p_sender: string }; Returns: Json };
      trace: { Args: { p_id: string }; Returns: Json };
      update_webhook_status: {
        Args: {
          increment_attempts?: boolean;
          new_status: string;
          record_id: string;
          response_data?: Json;
          table_name: string;
        };
        Returns: undefined;
      };
      user_is_operator: { Args: { p_user_id: string }; Returns: boolean };
      verify_reports: {
        Args: Record<PropertyKey, never>;
        Returns: {
          event_id: string;
          job_id: string;
          problem: string;
          report_id: string;
          report_type: string;
        }[];
      };
      verify_slice: { Args: Record<PropertyKey, never>; Returns: Json };
      webhook_statistics: {
        Args: { p_after?: string; p_before?: string; p_window?: string };
        Returns: Json;
      };
      work_plan: { Args: { p_limit: number }; Returns: Json };
    };
    Enums: { research_status: "pending" | "running" | "completed" | "failed" };
    CompositeTypes: { [_ in never]: never };
  };
};

type DatabaseWithoutInternals = Omit<Database, "__InternalSupabase">;

type DefaultSchema = DatabaseWithoutInternals[Extract<
  keyof Database,
  "public"
>];

export type Tables<
  DefaultSchemaTableNameOrOptions extends
    | keyof (DefaultSchema["Tables"] & DefaultSchema["Views"])
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends (DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals;
  }
    ? keyof (DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"] &
        DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Views"])
    : never) = never,
> = DefaultSchemaTableNameOrOptions extends {
  schema: keyof DatabaseWithoutInternals;
}
  ? (DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"] &
      DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Views"])[TableName] extends {
      Row: infer R;
    }
    ? R
    : never
  : DefaultSchemaTableNameOrOptions extends keyof (DefaultSchema["Tables"] &
        DefaultSchema["Views"])
    ? (DefaultSchema["Tables"] &
        DefaultSchema["Views"])[DefaultSchemaTableNameOrOptions] extends {
        Row: infer R;
      }
      ? R
      : never
    : never;

export type TablesInsert<
  DefaultSchemaTableNameOrOptions extends
    keyof DefaultSchema["Tables"] | { schema: keyof DatabaseWithoutInternals },
  TableName extends (DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals;
  }
    ? keyof DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"]
    : never) = never,
> = DefaultSchemaTableNameOrOptions extends {
  schema: keyof DatabaseWithoutInternals;
}
  ? DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"][TableName] extends {
      Insert: infer I;
    }
    ? I
    : never
  : DefaultSchemaTableNameOrOptions extends keyof DefaultSchema["Tables"]
    ? DefaultSchema["Tables"][DefaultSchemaTableNameOrOptions] extends {
        Insert: infer I;
      }
      ? I
      : never
    : never;

export type TablesUpdate<
  DefaultSchemaTableNameOrOptions extends
    keyof DefaultSchema["Tables"] | { schema: keyof DatabaseWithoutInternals },
  TableName extends (DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals;
  }
    ? keyof DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"]
    : never) = never,
> = DefaultSchemaTableNameOrOptions extends {
  schema: keyof DatabaseWithoutInternals;
}
  ? DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"][TableName] extends {
      Update: infer U;
    }
    ? U
    : never
  : DefaultSchemaTableNameOrOptions extends keyof DefaultSchema["Tables"]
    ? DefaultSchema["Tables"][DefaultSchemaTableNameOrOptions] extends {
        Update: infer U;
      }
      ? U
      : never
    : never;

export type Enums<
  DefaultSchemaEnumNameOrOptions extends
    keyof DefaultSchema["Enums"] | { schema: keyof DatabaseWithoutInternals },
  EnumName extends (DefaultSchemaEnumNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals;
  }
    ? keyof DatabaseWithoutInternals[DefaultSchemaEnumNameOrOptions["schema"]]["Enums"]
    : never) = never,
> = DefaultSchemaEnumNameOrOptions extends {
  schema: keyof DatabaseWithoutInternals;
}
  ? DatabaseWithoutInternals[DefaultSchemaEnumNameOrOptions["schema"]]["Enums"][EnumName]
  : DefaultSchemaEnumNameOrOptions extends keyof DefaultSchema["Enums"]
    ? DefaultSchema["Enums"][DefaultSchemaEnumNameOrOptions]
    : never;

export type CompositeTypes<
  PublicCompositeTypeNameOrOptions extends
    | keyof DefaultSchema["CompositeTypes"]
    | { schema: keyof DatabaseWithoutInternals },
  CompositeTypeName extends (PublicCompositeTypeNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals;
  }
    ? keyof DatabaseWithoutInternals[PublicCompositeTypeNameOrOptions["schema"]]["CompositeTypes"]
    : never) = never,
> = PublicCompositeTypeNameOrOptions extends {
  schema: keyof DatabaseWithoutInternals;
}
  ? DatabaseWithoutInternals[PublicCompositeTypeNameOrOptions["schema"]]["CompositeTypes"][CompositeTypeName]
  : PublicCompositeTypeNameOrOptions extends keyof DefaultSchema["CompositeTypes"]
    ? DefaultSchema["CompositeTypes"][PublicCompositeTypeNameOrOptions]
    : never;

export const Constants = {
  public: {
    Enums: { research_status: ["pending", "running", "completed", "failed"] },
  },
} as const;
